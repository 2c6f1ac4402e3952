import type { WorkerAnswer } from './worker.ts'

/** The part of the JSON source text access proposal that TypeScript's library does not describe yet. */
interface SourceJson {
  parse(text: string, reviver: (key: string, value: unknown, context: { source?: string }) => unknown): unknown
  rawJSON(text: string): unknown
}

const sourceJson = JSON as unknown as SourceJson

/**
 * Reads the JSON of a thread; numbers that a double cannot hold stay as they were written (kube/json.ts does the same). Undefined for
 * anything else: a module can send messages of its own, and they mean nothing.
 */
export function parseAnswer(text: unknown): WorkerAnswer | undefined {
  try {
    const value = typeof text === 'string' ? sourceJson.parse(text, keepRaw) : undefined
    if (typeof value === 'object' && value !== null) return value as WorkerAnswer
  } catch {
    // Not ours.
  }
  return undefined
}

function keepRaw(_key: string, value: unknown, { source }: { source?: string }): unknown {
  return typeof value === 'number' && source !== undefined && String(value) !== source
    ? sourceJson.rawJSON(source)
    : value
}

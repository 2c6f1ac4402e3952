// JSON as the API server writes it, without the loss that doubles bring: what a double cannot hold stays as the text it came as.

interface RawJson {
  readonly rawJSON: string
}

/** The part of the JSON source text access proposal that Node 24 has and TypeScript's library does not describe yet. */
interface SourceJson {
  parse(text: string, reviver: (key: string, value: unknown, context: { source?: string }) => unknown): unknown
  rawJSON(text: string): RawJson
  isRawJSON(value: unknown): value is RawJson
}

const sourceJson = JSON as unknown as SourceJson

/**
 * Finds number tokens whose text might change on the way through a double: sixteen and more digits, exponents, trailing zeros, tiny
 * fractions, minus zero. May also hit digits inside a string: that costs time, never correctness.
 */
const FRAGILE_NUMBER = /(?:^|[:[,])\s*(?:-?(?:\d[\d.]{15}|\d+(?:\.\d+)?[eE]|\d+\.\d*0(?!\d)|0\.000000)|-0(?![\d.]))/

/**
 * Parses JSON so that `JSON.stringify` writes every number token as it was: a number that a double would change becomes a `JSON.rawJSON`
 * value, all others are plain numbers. Throws SyntaxError.
 */
export function parseJson(text: string): unknown {
  if (!FRAGILE_NUMBER.test(text)) return JSON.parse(text)
  return sourceJson.parse(text, (_key, value, { source }) =>
    typeof value === 'number' && source !== undefined && String(value) !== source ? sourceJson.rawJSON(source) : value,
  )
}

const GO_ESCAPES: Record<string, string> = {
  '<': '\\u003c',
  '>': '\\u003e',
  '&': '\\u0026',
  '\u2028': '\\u2028',
  '\u2029': '\\u2029',
}

/**
 * JSON with the escapes of Go's encoder. The API server keeps some fields as the bytes that were sent (a ControllerRevision's data) and
 * compares them with what its own encoder makes of them: with other escapes such an object can never be written again.
 */
export function writeJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(/[<>&\u2028\u2029]/g, (character) => GO_ESCAPES[character] ?? character)
}

/** A deep copy of a JSON value. Raw numbers, which are immutable, are shared; `structuredClone` would turn them into objects. */
export function cloneJson<T>(value: T): T {
  return clone(value) as T
}

function clone(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(clone)
  if (sourceJson.isRawJSON(value)) return value
  const copy: Record<string, unknown> = {}
  for (const [key, field] of Object.entries(value)) {
    // Plain assignment would set the prototype.
    if (key === '__proto__')
      Object.defineProperty(copy, key, { value: clone(field), enumerable: true, configurable: true, writable: true })
    else copy[key] = clone(field)
  }
  return copy
}

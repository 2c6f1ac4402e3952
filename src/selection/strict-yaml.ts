import {
  LineCounter,
  parseDocument,
  type Document,
  type DocumentOptions,
  type ParseOptions,
  type SchemaOptions,
} from 'yaml'
import { z } from 'zod'
import { SelectionError, type SelectionProblem } from './error.ts'

/** How a text is read, and what it is when it cannot be read. */
export interface YamlReading {
  readonly problem: SelectionProblem
  /** Changes nodes before they become values. */
  readonly prepare?: (document: Document) => void
  readonly options?: ParseOptions & DocumentOptions & SchemaOptions
}

/** A ConfigMap cannot hold more either. */
const LONGEST_TEXT = 1024 * 1024

/** The value of a text that holds one YAML document. Throws SelectionError `problem` that names line and column. */
export function readYaml(text: string, { problem, prepare, options }: YamlReading): unknown {
  if (text.length > LONGEST_TEXT)
    throw new SelectionError(problem, `the text is longer than ${LONGEST_TEXT} characters`)
  const lineCounter = new LineCounter()
  try {
    const document = parseDocument(text, { lineCounter, merge: true, prettyErrors: false, ...options })
    const [error] = document.errors
    if (error !== undefined) {
      const { line, col } = lineCounter.linePos(error.pos[0])
      throw new SelectionError(problem, `line ${line}, column ${col}: ${error.message}`)
    }
    prepare?.(document)
    return document.toJS({ maxAliasCount: 100 })
  } catch (cause) {
    if (cause instanceof SelectionError) throw cause
    // Aliases that multiply, or nesting deeper than the stack.
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new SelectionError(problem, `cannot be read as YAML: ${reason}`, { cause })
  }
}

/** One sentence for each thing that does not fit a schema, with its place: `rules[0].path: must be text`. `whole` names the text itself. */
export function problemsOf(error: z.ZodError, whole: string): string[] {
  return error.issues.map(({ path, message }) => `${placeOf(path) || whole}: ${message}`)
}

/** `rules[0].path`; empty for the whole. */
function placeOf(path: readonly PropertyKey[]): string {
  const place = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`)).join('')
  return place.replace(/^\./, '')
}

/** Null says the same as absence, as it does for Velero. */
export function optional<T extends z.ZodType>(schema: T): z.ZodPreprocess<z.ZodOptional<T>> {
  return z.preprocess((value) => value ?? undefined, schema.optional())
}

/** An object without other keys. */
export function strict<Shape extends z.core.$ZodLooseShape>(shape: Shape): z.ZodObject<Shape, z.core.$strict> {
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? `unknown key ${(issue['keys'] as string[]).join(', ')}; known here: ${Object.keys(shape).join(', ')}`
        : 'must be a map of keys to values',
  })
}

export const word = z.string({ error: 'must be text' })
export const words = optional(z.array(word, { error: 'must be a list' }))
export const mapOfWords = optional(z.record(word, word, { error: 'must be a map of text to text' }))

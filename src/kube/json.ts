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
 * Finds keys with an escape in them. V8 (13.6, Node 24) takes such a key for another one that it met before, with a backslash at
 * that place: `"\n"` for `"\\"`. Keys of managedFields, `k:{\"port\":80}`, are in every second object and look like no other key.
 */
const ESCAPED_KEY = /[{,]\s*"(?!k:\{|v:)[^"\\]*\\/

/**
 * Parses JSON so that `JSON.stringify` writes every number token as it was: a number that a double would change becomes a `JSON.rawJSON`
 * value, all others are plain numbers. Throws SyntaxError.
 */
export function parseJson(text: string): unknown {
  if (text.includes('\\') && ESCAPED_KEY.test(text)) return parseByTokens(text)
  if (!FRAGILE_NUMBER.test(text)) return JSON.parse(text)
  return sourceJson.parse(text, (_key, value, { source }) =>
    typeof value === 'number' && source !== undefined && String(value) !== source ? sourceJson.rawJSON(source) : value,
  )
}

/** Punctuation, a string, or a number or word. */
const TOKEN = /([{}[\]])|("[^"\\]*(?:\\.[^"\\]*)*")|([^\s{}[\],:"]+)/g

/** Parses JSON without V8's own reading of keys; a few times slower. */
function parseByTokens(text: string): unknown {
  // What is no JSON is refused in the same words as ever; from here on the text is known to be sound.
  JSON.parse(text)
  const open: (unknown[] | Record<string, unknown>)[] = []
  let root: unknown
  let key: string | undefined
  const put = (value: unknown): void => {
    const parent = open.at(-1)
    if (parent === undefined) root = value
    else if (Array.isArray(parent)) parent.push(value)
    else setField(parent, key ?? '', value)
    key = undefined
  }
  for (const [, punctuation, string, scalar] of text.matchAll(TOKEN)) {
    if (string !== undefined) {
      const value = JSON.parse(string) as string
      if (key === undefined && open.length > 0 && !Array.isArray(open.at(-1))) key = value
      else put(value)
    } else if (scalar !== undefined) {
      put(scalarOf(scalar))
    } else if (punctuation === '{' || punctuation === '[') {
      const container = punctuation === '{' ? {} : []
      put(container)
      open.push(container)
    } else {
      open.pop()
    }
  }
  return root
}

function scalarOf(token: string): unknown {
  const value: unknown = JSON.parse(token)
  return typeof value === 'number' && String(value) !== token ? sourceJson.rawJSON(token) : value
}

/** Plain assignment of `__proto__` would set the prototype. */
function setField(object: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__')
    Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true })
  else object[key] = value
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
    setField(copy, key, clone(field))
  }
  return copy
}

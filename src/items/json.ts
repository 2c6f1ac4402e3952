/** A JSON object. */
export type JsonObject = Readonly<Record<string, unknown>>

/** `value` as a JSON object; undefined when it is anything else, a list or a raw number included. */
export function objectOf(value: unknown): JsonObject | undefined {
  return isObject(value) ? value : undefined
}

/** `value` as a list; empty when it is anything else. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

/** `value` as text; undefined when it is anything else. */
export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** `object` without `keys`; the object itself when it has none of them. */
export function without<T extends object>(object: T, keys: readonly string[]): T {
  if (!keys.some((key) => Object.hasOwn(object, key))) return object
  return Object.fromEntries(Object.entries(object).filter(([key]) => !keys.includes(key))) as T
}

/** Deep equality of JSON data; the order of keys does not matter, that of lists does, and numbers are compared without rounding. */
export function equalJson(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((value, index) => equalJson(value, b[index]))
  }
  if (isObject(a) && isObject(b)) {
    const keys = Object.keys(a)
    return (
      keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && equalJson(a[key], b[key]))
    )
  }
  return isNumber(a) && isNumber(b) && JSON.stringify(a) === JSON.stringify(b)
}

/** The number that a token of JSON stands for; where a double would change how it is written, the token itself, as kube/ reads numbers. */
export function exactNumber(token: string): unknown {
  return String(Number(token)) === token ? Number(token) : rawJSON(token)
}

// TypeScript's library does not know JSON.rawJSON yet: what kube/ puts in place of numbers that a double would round.
const { isRawJSON, rawJSON } = JSON as unknown as {
  isRawJSON: (value: unknown) => boolean
  rawJSON: (token: string) => unknown
}

function isNumber(value: unknown): boolean {
  return typeof value === 'number' || isRawJSON(value)
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isRawJSON(value)
}

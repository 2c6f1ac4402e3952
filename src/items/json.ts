/** A deep copy of JSON data that keeps `JSON.rawJSON` numbers, which structuredClone loses. */
export function copyJson<T>(_value: T): T {
  throw new Error('being written')
}

/** Deep equality of JSON data; the order of keys does not matter, that of lists does, and numbers are compared without rounding. */
export function equalJson(_a: unknown, _b: unknown): boolean {
  throw new Error('being written')
}

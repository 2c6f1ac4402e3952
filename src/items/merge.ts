import { equalJson, objectOf } from './json.ts'

/** The JSON merge patch (RFC 7396) that turns `from` into `to`; `{}` when they are equal. A null inside `to` cannot be told by such a patch. */
export function mergePatch(from: object, to: object): Record<string, unknown> {
  const before = new Map(Object.entries(from))
  const after = Object.entries(to)
  const kept = new Set(after.map(([key]) => key))
  const changes: [string, unknown][] = [...before.keys()].filter((key) => !kept.has(key)).map((key) => [key, null])
  for (const [key, value] of after) {
    const old = before.get(key)
    if (before.has(key) && equalJson(old, value)) continue
    const oldObject = objectOf(old)
    const newObject = objectOf(value)
    changes.push([key, oldObject && newObject ? mergePatch(oldObject, newObject) : value])
  }
  // Object.fromEntries, here and below: a key named __proto__ is data like any other.
  return Object.fromEntries(changes)
}

/** `target` with the merge patch applied; nothing is changed in place. */
export function applyMergePatch(target: unknown, patch: unknown): unknown {
  const changes = objectOf(patch)
  if (changes === undefined) return patch
  const result = new Map(Object.entries(objectOf(target) ?? {}))
  for (const [key, value] of Object.entries(changes)) {
    if (value === null) result.delete(key)
    else result.set(key, applyMergePatch(result.get(key), value))
  }
  return Object.fromEntries(result)
}

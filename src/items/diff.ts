import type { KubeObject } from '#kube/object.ts'
import { comparable } from './comparable.ts'
import { equalJson, listOf, objectOf, textOf } from './json.ts'

/** One step into a document: a key of an object, the number of a list's entry, or the `name` of an entry where all have one. */
export type PathStep = string | number | { readonly named: string }

/** One field that differs. `old` or `new` is absent where the field is not there; a part that is only on one side is one change. */
export interface FieldChange {
  readonly path: readonly PathStep[]
  readonly old?: unknown
  readonly new?: unknown
}

/** What has to change in `before` to make it `after`, field by field; empty exactly when they are equal (`equalJson`). */
export function diffJson(before: unknown, after: unknown, path: readonly PathStep[] = []): FieldChange[] {
  if (equalJson(before, after)) return []
  const [from, to] = [objectOf(before), objectOf(after)]
  if (from !== undefined && to !== undefined) {
    return parts(new Map(Object.entries(from)), new Map(Object.entries(to)), (key) => [...path, key])
  }
  if (!Array.isArray(before) || !Array.isArray(after)) return [{ path, old: before, new: after }]
  const names = byName(before, after)
  if (names !== undefined) return parts(...names, (named) => [...path, { named }])
  return parts(numbered(before), numbered(after), (index) => [...path, index])
}

/** As `diffJson`, of two objects as far as a restore compares them (`comparable`). */
export function diffObjects(before: KubeObject, after: KubeObject): FieldChange[] {
  return diffJson(comparable(before), comparable(after))
}

/** `spec.template.spec.containers[web].image`; keys that could be mistaken are quoted: `metadata.labels["a.b/c"]`. */
export function formatPath(path: readonly PathStep[]): string {
  return path.map(formatStep).join('').replace(/^\./, '')
}

function formatStep(step: PathStep): string {
  if (typeof step === 'number') return `[${step}]`
  if (typeof step === 'string') return /^[\w-]+$/.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`
  return `[${/^[a-z][\w.-]*$/i.test(step.named) ? step.named : JSON.stringify(step.named)}]`
}

function parts<Key>(
  before: ReadonlyMap<Key, unknown>,
  after: ReadonlyMap<Key, unknown>,
  pathOf: (key: Key) => PathStep[],
): FieldChange[] {
  const changes: FieldChange[] = []
  for (const [key, old] of before) {
    if (after.has(key)) changes.push(...diffJson(old, after.get(key), pathOf(key)))
    else changes.push({ path: pathOf(key), old })
  }
  for (const [key, value] of after) if (!before.has(key)) changes.push({ path: pathOf(key), new: value })
  return changes
}

function numbered(list: readonly unknown[]): Map<number, unknown> {
  return new Map(list.entries())
}

/** Containers, variables, ports: lists in which a name says what belongs together. Undefined when it does not, or when the order differs. */
function byName(
  before: readonly unknown[],
  after: readonly unknown[],
): [Map<string, unknown>, Map<string, unknown>] | undefined {
  const [from, to] = [named(before), named(after)]
  if (from === undefined || to === undefined) return undefined
  const common = [...from.keys()].filter((name) => to.has(name))
  const sameOrder = equalJson(
    common,
    [...to.keys()].filter((name) => from.has(name)),
  )
  return sameOrder ? [from, to] : undefined
}

function named(list: readonly unknown[]): Map<string, unknown> | undefined {
  const entries = listOf(list).map((entry) => [textOf(objectOf(entry)?.['name']), entry] as const)
  const names = new Map<string, unknown>()
  for (const [name, entry] of entries) {
    if (name === undefined || names.has(name)) return undefined
    names.set(name, entry)
  }
  return names
}

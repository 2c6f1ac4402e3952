/** The fields of a JSON object, as `canonical` sees them: objects are `{ object: … }`, numbers `{ number: text }`. */
export type Fields = [string, unknown][]

/** The same text for the same JSON, whatever the order of keys; numbers stay as they are written. `change` may take fields away. */
export function canonical(text: string, change: (fields: Fields) => Fields = (all) => all): string {
  const parse = JSON.parse as (
    text: string,
    reviver: (key: string, value: unknown, context: { source: string }) => unknown,
  ) => unknown
  const value = parse(text, (_key, field, { source }) => {
    if (typeof field === 'number') return { number: source }
    if (typeof field !== 'object' || field === null || Array.isArray(field)) return field
    return { object: change(Object.entries(field)).toSorted(([a], [b]) => (a < b ? -1 : 1)) }
  })
  return JSON.stringify(value)
}

/** What a restore gives anew, and the labels it adds (docs/velero-compatibility.md). */
const ofOneLife = new Set([
  'uid',
  'resourceVersion',
  'creationTimestamp',
  'generation',
  'managedFields',
  'velero.io/backup-name',
  'velero.io/restore-name',
])

/** For `canonical`: leaves out what no restore can bring back, and the label map that only a restore made. */
export const lasting = (fields: Fields): Fields =>
  fields.filter(
    ([key, value]) => !ofOneLife.has(key) && !(key === 'labels' && JSON.stringify(value) === '{"object":[]}'),
  )

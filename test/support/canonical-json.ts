import { objectOf } from '#items/json.ts'
import { parseJson } from '#kube/json.ts'

/** The fields of a JSON object, as `canonical` sees them: objects are `{ object: … }`, other scalars but texts and null `{ number: text }`. */
export type Fields = [string, unknown][]

/** The same text for the same JSON, whatever the order of keys; numbers stay as they are written. `change` may take fields away. */
export function canonical(text: string, change: (fields: Fields) => Fields = (all) => all): string {
  return JSON.stringify(ordered(parseJson(text), change))
}

function ordered(value: unknown, change: (fields: Fields) => Fields): unknown {
  if (Array.isArray(value)) return value.map((item) => ordered(item, change))
  const fields = objectOf(value)
  // A number that a double cannot hold is an object of its own kind.
  if (fields === undefined)
    return typeof value === 'string' || value === null ? value : { number: JSON.stringify(value) }
  const all = Object.entries(fields).map(([key, field]): Fields[number] => [key, ordered(field, change)])
  return { object: change(all).toSorted(([a], [b]) => (a < b ? -1 : 1)) }
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

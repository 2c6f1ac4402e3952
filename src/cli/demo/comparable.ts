import type { KubeObject } from '#kube/object.ts'

/** Metadata that every cluster gives anew, and `generateName`, which means nothing once there is a name (Velero drops it too). */
const ASSIGNED = new Set([
  'uid',
  'generateName',
  'resourceVersion',
  'creationTimestamp',
  'generation',
  'managedFields',
  'selfLink',
])
const RESTORE_LABELS = ['velero.io/backup-name', 'velero.io/restore-name']

/** An object without what a cluster assigns by itself (identity, bookkeeping, status, service addresses) and without the labels a restore adds. */
export function comparable(object: KubeObject): object {
  const { status: _status, metadata, ...rest } = object
  const kept = Object.fromEntries(Object.entries(metadata).filter(([key]) => !ASSIGNED.has(key)))
  const labels = Object.fromEntries(
    Object.entries(metadata.labels ?? {}).filter(([key]) => !RESTORE_LABELS.includes(key)),
  )
  const owners = metadata.ownerReferences?.map(({ uid: _uid, ...owner }) => owner)
  return {
    ...rest,
    ...(object.kind === 'Service' ? { spec: withoutAddresses(object['spec']) } : {}),
    metadata: { ...kept, labels, ...(owners === undefined ? {} : { ownerReferences: owners }) },
  }
}

/** Headless stays headless; any other address is the cluster's choice. */
function withoutAddresses(spec: unknown): unknown {
  const { clusterIP, clusterIPs: _all, ...rest } = spec as { clusterIP?: string; clusterIPs?: string[] }
  return clusterIP === 'None' ? { ...rest, clusterIP } : rest
}

/** JSON with sorted keys; numbers beyond 2^53 digit for digit. */
export function canonicalText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(',')}]`
  const text = JSON.stringify(value)
  // What is written as a number is one, however it is held in memory.
  if (typeof value !== 'object' || value === null || !text.startsWith('{')) return text
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined)
  const sorted = entries.toSorted(([a], [b]) => (a < b ? -1 : 1))
  return `{${sorted.map(([key, inner]) => `${JSON.stringify(key)}:${canonicalText(inner)}`).join(',')}}`
}

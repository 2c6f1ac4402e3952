import type { LabelSelector } from '#api/fields.ts'
import { diffObjects, type FieldChange } from '#items/diff.ts'
import type { KubeObject } from '#kube/object.ts'
import { compileGlob } from '#selection/globs.ts'
import { matchesSelector } from '#selection/label-selector.ts'

/** One object that two sides do not have alike. */
export interface ObjectDifference {
  /** `deployments.apps`. */
  readonly resource: string
  readonly namespace: string | undefined
  readonly name: string
  readonly side: 'left-only' | 'right-only' | 'both'
  /** How the right one differs from the left one. */
  readonly changes: readonly FieldChange[]
}

/** Two sides compared: a backup, and another backup or the cluster. */
export interface Comparison {
  /** Only what differs. May be read once. */
  readonly differences: AsyncIterable<ObjectDifference>
  /** Final when `differences` has ended. */
  readonly counts: { compared: number; equal: number }
  /** What could not be compared, and why. */
  readonly findings: readonly string[]
}

/** Which objects are compared; absent means all. */
export interface ComparisonFilter {
  /** Patterns. */
  readonly namespaces?: readonly string[] | undefined
  /** Asked about each type (`plural.group`). */
  readonly resources?: ((resource: string) => boolean) | undefined
  /** On the labels of either side. */
  readonly selector?: LabelSelector | undefined
}

/** Where one object is. */
export interface ComparedAddress {
  readonly resource: string
  readonly namespace: string | undefined
  readonly name: string
}

/** Whether type and namespace let an object into the comparison. */
export function addressFilter({ namespaces, resources }: ComparisonFilter): (address: ComparedAddress) => boolean {
  const globs = namespaces?.map(compileGlob)
  return ({ resource, namespace }) =>
    (resources === undefined || resources(resource)) &&
    (globs === undefined || (namespace !== undefined && globs.some((fits) => fits(namespace))))
}

/** Compares what each side has of one object; undefined when it is the same or not wanted. */
export function compareObjects(
  address: ComparedAddress,
  { left, right }: { left: KubeObject | undefined; right: KubeObject | undefined },
  { selector }: ComparisonFilter,
): ObjectDifference | 'equal' | 'unwanted' {
  const selects = (object: KubeObject | undefined): boolean =>
    object !== undefined && (selector === undefined || matchesSelector(selector, object.metadata.labels ?? {}))
  if (!selects(left) && !selects(right)) return 'unwanted'
  const { resource, namespace, name } = address
  const place = { resource, namespace, name }
  if (left === undefined) return { ...place, side: 'right-only', changes: [] }
  if (right === undefined) return { ...place, side: 'left-only', changes: [] }
  const changes = diffObjects(left, right)
  return changes.length === 0 ? 'equal' : { ...place, side: 'both', changes }
}

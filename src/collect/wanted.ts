import type { Item, KubeObject, ServedType } from '#kube/object.ts'
import { apiVersionOf, detached, resourceName } from '#kube/object.ts'
import { skipReason, takesCrdsOfItems, type BackupScope } from '#selection/backup-scope.ts'
import { referenceKey, type Neighbours, type Reference, type Relations } from './relations.ts'

/** References into one place that one list can answer. */
export interface WantedPlace {
  readonly type: ServedType
  readonly namespace: string | undefined
  readonly names: ReadonlySet<string>
}

/** Keeps account, while objects stream by, of which others belong to them and have not been taken yet. */
export interface Wanted {
  /** To be told of every object that is taken, however it was found. */
  taken(item: Item): void
  /** Wants further objects, which have not been taken; with `mustInclude` only one that is being deleted is left out. Those that the lists give anyway are not asked for. */
  want(references: readonly Reference[], options?: { mustInclude?: boolean }): void
  /** Whether an object that was wanted goes in. */
  accepts(item: Item): boolean
  /** Claims whose neighbours must be known before their relations are; taken out. */
  claims(): readonly Item[]
  claimHasNeighbours(claim: Item, neighbours: Neighbours): void
  /** What is wanted now, taken out; empty when all is settled. */
  places(): readonly WantedPlace[]
  /** Places with the definitions of all types of which an object was taken; empty when the scope lists definitions by itself or leaves them out. */
  definitions(): readonly WantedPlace[]
}

/**
 * Memory: a reference is kept for objects that others point at (claims, volumes, roles …), never for the bulk; when a selector is set,
 * also a key for each taken object of the types that can be pointed at, since then these may be asked for although they have been taken.
 */
export function openWanted(
  scope: BackupScope,
  options: { relations: Relations; types: readonly ServedType[]; onMissing: (reference: Reference) => void },
): Wanted {
  const { relations, onMissing } = options
  const byName = new Map(options.types.filter((type) => type.preferred).map((type) => [resourceName(type), type]))
  const complete = new Set(scope.selectors.length === 0 ? scope.types.map(resourceName) : [])
  const settled = new Set<string>()
  const definedBy = new Map<string, ServedType>()
  const wanted: Reference[] = []
  const claims: Item[] = []
  const musts = new Set<string>()
  /** What was asked for from outside, and of that what the lists gave after all. */
  const asked = new Set<string>()
  const met = new Set<string>()

  const want = (references: readonly Reference[], { mustInclude = false } = {}): void => {
    for (const reference of references) {
      const key = referenceKey(reference)
      // It may have been refused before, when nobody demanded it.
      const isNewMust = mustInclude && !musts.has(key)
      if (mustInclude) musts.add(key)
      else if (complete.has(reference.resource)) continue
      if (settled.has(key) && !isNewMust) continue
      settled.add(key)
      if (byName.has(reference.resource)) wanted.push(reference)
      else onMissing(reference)
    }
  }

  return {
    taken(item) {
      const resource = resourceName(item.type)
      const served = byName.get(resource)
      if (served !== undefined) definedBy.set(resource, served)
      if (!complete.has(resource) && relations.targets.has(resource)) settled.add(keyOf(item))
      if (asked.size > 0 && asked.has(keyOf(item))) met.add(keyOf(item))
      if (scope.selectors.length > 0 && resource === 'persistentvolumeclaims') claims.push(detached(item))
      else want(relations.relatedTo(item, undefined))
    },
    want(references, options) {
      for (const reference of references) asked.add(referenceKey(reference))
      want(references, options)
    },
    accepts(item) {
      return skipReason(item, scope, musts.has(keyOf(item)) ? 'demanded' : 'related') === undefined
    },
    claims: () => claims.splice(0),
    claimHasNeighbours: (claim, neighbours) => want(relations.relatedTo(claim, neighbours)),
    places() {
      const now = wanted.splice(0).filter((reference) => !met.has(referenceKey(reference)))
      const isMust = ({ type, namespace, names }: WantedPlace): boolean =>
        [...names].some((name) => musts.has(referenceKey({ resource: resourceName(type), namespace, name })))
      return placesOf(now, byName).filter((place) => canBeTaken(place, scope) || isMust(place))
    },
    definitions() {
      if (!takesCrdsOfItems(scope)) return []
      const references = [...definedBy.values()].flatMap((type) => relations.crdOf(type) ?? [])
      return placesOf(references, byName)
    },
  }
}

function keyOf({ type, namespace, name }: Item): string {
  return referenceKey({ resource: resourceName(type), namespace, name })
}

function placesOf(references: readonly Reference[], byName: ReadonlyMap<string, ServedType>): WantedPlace[] {
  const places = new Map<string, { type: ServedType; namespace: string | undefined; names: Set<string> }>()
  for (const { resource, namespace, name } of references) {
    const type = byName.get(resource)
    if (type === undefined) continue
    const key = referenceKey({ resource, namespace, name: '' })
    const place = places.get(key) ?? { type, namespace, names: new Set() }
    places.set(key, place)
    place.names.add(name)
  }
  return [...places.values()]
}

/** Asks of an object that has only a name, so that what would be left out anyway is not even read. */
function canBeTaken({ type, namespace, names }: WantedPlace, scope: BackupScope): boolean {
  const [name = ''] = names
  const object: KubeObject = { apiVersion: apiVersionOf(type), kind: type.kind, metadata: { name, namespace } }
  return skipReason({ type, namespace, name, object }, scope, 'related') === undefined
}

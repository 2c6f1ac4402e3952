import { ArchiveError } from '#archive/error.ts'
import type { ArchivedEntry, OpenArchive } from '#archive/open.ts'
import { comparable } from '#items/comparable.ts'
import { equalJson } from '#items/json.ts'
import type { KubeObject } from '#kube/object.ts'
import { type RestoreScope, restoreSelects, targetNamespace } from '#selection/restore-scope.ts'

/** The object that comes to a place, and where it is in the archive. */
export interface Winner {
  readonly entry: ArchivedEntry
  readonly object: KubeObject
}

/** Objects of several namespaces that a mapping brings to the same place. Of those the first is restored. */
export interface Rivals {
  add(entry: ArchivedEntry): void
  /** The selected object that was added before `entry` and comes to its place; undefined when it is the first. */
  winnerOver(entry: ArchivedEntry): Promise<Winner | undefined>
}

export interface RivalOptions {
  readonly archive: OpenArchive
  readonly scope: RestoreScope
  readonly mapping: Readonly<Record<string, string>> | undefined
}

/** Knows no rivals without a mapping: then every object has a place of its own. */
export function rivalsFor({ archive, scope, mapping }: RivalOptions): Rivals {
  const targets = new Set(Object.values(mapping ?? {}))
  const byPlace = new Map<string, ArchivedEntry[]>()
  const placeOf = ({ resource, namespace, name }: ArchivedEntry): string | undefined => {
    const target = namespace === undefined ? undefined : targetNamespace(namespace, mapping)
    return target === undefined || !targets.has(target) ? undefined : `${resource}/${target}/${name}`
  }
  return {
    add(entry) {
      const place = placeOf(entry)
      if (place !== undefined) byPlace.set(place, [...(byPlace.get(place) ?? []), entry])
    },
    async winnerOver(entry) {
      const rivals = byPlace.get(placeOf(entry) ?? '') ?? []
      for (const other of rivals) {
        if (other.ordinal === entry.ordinal) return undefined
        const object = await readable(archive, other)
        if (object !== undefined && restoreSelects(scope, other.resource, object.metadata.labels ?? {}))
          return { entry: other, object }
      }
      return undefined
    },
  }
}

/** Undefined for an object that is spoilt: it comes nowhere. */
async function readable(archive: OpenArchive, entry: ArchivedEntry): Promise<KubeObject | undefined> {
  try {
    return await archive.read(entry)
  } catch (error) {
    if (error instanceof ArchiveError) return undefined
    throw error
  }
}

/** Whether two objects are the same but for the namespace they are from. */
export function saysTheSame(one: KubeObject, other: KubeObject): boolean {
  const placeless = (object: KubeObject): KubeObject => {
    const settled = comparable(object)
    return { ...settled, metadata: { ...settled.metadata, namespace: undefined } }
  }
  return equalJson(placeless(one), placeless(other))
}

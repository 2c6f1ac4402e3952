import type { WatchEvent } from '#kube/client.ts'
import type { KubeObject } from '#kube/object.ts'
import { keyOf, type ReadingPart } from './list.ts'
import { isOlder } from './version.ts'

/** What happened to the objects of one list between the versions at which it was read and a later one: the last state of each that changed. */
export interface Changes {
  /** By key; undefined for one that is no longer there. */
  readonly last: ReadonlyMap<string, Change>
}

/** The last that was heard of an object. */
export interface Change {
  readonly object: KubeObject
  readonly present: boolean
}

/** Gathers the events of a watch that began at the oldest version of `parts`, up to and with those of version `target`. */
export interface Replay extends Changes {
  /** Takes note of an event; true once everything up to `target` has been heard. */
  note(event: WatchEvent): boolean
}

/** Nothing heard yet. Memory grows with the objects that changed, not with the list. */
export function openReplay(parts: readonly ReadingPart[], target: string): Replay {
  const last = new Map<string, Change>()
  return {
    last,
    note(event) {
      if (event.type === 'BOOKMARK') return !isOlder(event.resourceVersion, target)
      const version = event.object.metadata.resourceVersion ?? ''
      if (isOlder(target, version)) return true
      const key = keyOf(event.object)
      // The later part of a list knows already what happened before its own version.
      if (isOlder(versionOf(parts, key), version))
        last.set(key, { object: event.object, present: event.type !== 'DELETED' })
      return version === target
    },
  }
}

/** The version at which the object of `key` was read, or would have been. */
export function versionOf(parts: readonly ReadingPart[], key: string): string {
  const part = parts.find(({ upTo }) => upTo === undefined || key <= upTo)
  return part?.resourceVersion ?? ''
}

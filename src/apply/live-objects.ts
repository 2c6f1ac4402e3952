import type { KubeClient, Page } from '#kube/client.ts'
import { KubeError } from '#kube/error.ts'
import { type KubeObject, type ResourceType, resourceName } from '#kube/object.ts'

/** One object's address in the cluster. */
export interface Place {
  type: ResourceType
  namespace: string | undefined
  name: string
}

/**
 * What is in the cluster already. Creating comes first and costs one call; only where creates keep meeting existing objects,
 * the rest of that type and namespace is looked up in one list that moves along with the restore.
 */
export interface LiveObjects {
  /** The live object, when a list that is being read anyway shows it; undefined means: create it and see. */
  seen(place: Place): Promise<KubeObject | undefined>
  /** The live object after a create said that it exists; undefined when it is gone again. */
  existing(place: Place): Promise<KubeObject | undefined>
  created(place: Place): void
  /** Ends the lists; what was seen is forgotten. */
  forget(): Promise<void>
}

/** Existing objects of one type and namespace after which a list is cheaper than a create and a read for each. */
const ENOUGH = 3
/** Pages kept, so that objects that run in parallel, and somewhat out of order, are still found. */
const KEPT_PAGES = 3

interface Window {
  find(name: string): Promise<KubeObject | undefined>
  close(): Promise<void>
}

/** Moves through a list in name order as higher names are asked for. Memory stays at a few pages, however long the list is. */
function nameWindow(pages: AsyncIterable<Page>): Window {
  const source = pages[Symbol.asyncIterator]()
  const kept: Map<string, KubeObject>[] = []
  let reached: string | undefined
  let ended = false
  let turn: Promise<void> = Promise.resolve()

  const moveTo = async (name: string): Promise<void> => {
    while (!ended && (reached === undefined || reached < name)) {
      const next = await source.next()
      if (next.done === true) {
        ended = true
        return
      }
      const { items } = next.value
      kept.push(new Map(items.map((item) => [item.metadata.name, item])))
      if (kept.length > KEPT_PAGES) kept.shift()
      reached = items.at(-1)?.metadata.name ?? reached
    }
  }
  return {
    async find(name) {
      turn = turn.then(() => moveTo(name))
      try {
        await turn
      } catch (error) {
        if (!(error instanceof KubeError)) throw error
        // A list that broke off (its version expired, say) only costs the shortcut.
        ended = true
        turn = Promise.resolve()
      }
      return kept.map((page) => page.get(name)).find((object) => object !== undefined)
    },
    async close() {
      ended = true
      await source.return?.()
    },
  }
}

/**
 * Watches how creates fare, per type and namespace, and opens a list where most objects are there already; everywhere and at
 * once when `listsFirst`.
 */
export function liveObjects(
  kube: KubeClient,
  { signal, listsFirst = false }: { signal?: AbortSignal | undefined; listsFirst?: boolean },
): LiveObjects {
  const tallies = new Map<string, { existing: number; created: number; window?: Window }>()
  const tallyOf = ({ type, namespace }: Place) => {
    const key = `${resourceName(type)} ${namespace ?? ''}`
    const tally = tallies.get(key) ?? { existing: 0, created: 0 }
    tallies.set(key, tally)
    return tally
  }

  return {
    async seen(place) {
      const tally = tallyOf(place)
      if (tally.window === undefined) {
        const few = tally.existing < ENOUGH || tally.existing < tally.created
        if (few && !listsFirst) return undefined
        tally.window = nameWindow(kube.pages(place.type, { namespace: place.namespace, signal }))
      }
      return tally.window.find(place.name)
    },
    async existing({ type, namespace, name }) {
      tallyOf({ type, namespace, name }).existing += 1
      return kube.find(type, name, { namespace, signal })
    },
    created(place) {
      tallyOf(place).created += 1
    },
    async forget() {
      const windows = [...tallies.values()].flatMap(({ window }) => (window === undefined ? [] : [window]))
      tallies.clear()
      await Promise.all(windows.map((window) => window.close()))
    },
  }
}

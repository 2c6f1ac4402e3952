import type { KubeClient, RawList } from '#kube/client.ts'
import { KubeError } from '#kube/error.ts'
import { type KubeObject, type ResourceType, resourceName } from '#kube/object.ts'

/** One object's address in the cluster. */
export interface Place {
  type: ResourceType
  namespace: string | undefined
  name: string
}

/**
 * What is in the cluster already. Where nothing is to be expected creating comes first, which costs one call; where objects may be there, or
 * creates keep meeting some, they are looked up in one list per type and namespace that moves along with the restore.
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
/** Nobody knows yet how large the objects are. */
const FIRST_PAGE = 100
const PAGE_BYTES = 2 ** 20
/** Kept in all lists together; those that have not been asked for longest go first. */
const KEPT_BYTES = 12 * 2 ** 20

interface Page {
  readonly list: RawList
  readonly size: number
  /** Where in the list each name is: an object is parsed when it is asked for. */
  readonly places: ReadonlyMap<string, number>
}

/** Moves through a list in name order as higher names are asked for. Memory stays at a few pages, however long the list is. */
class NameWindow {
  readonly #source: AsyncIterator<Page>
  #kept: Page[] = []
  #reached: string | undefined
  #ended = false
  #turn: Promise<void> = Promise.resolve()

  constructor(source: AsyncIterator<Page>) {
    this.#source = source
  }

  /** Bytes. */
  get size(): number {
    return this.#kept.reduce((sum, page) => sum + page.size, 0)
  }

  async find(name: string): Promise<KubeObject | undefined> {
    this.#turn = this.#turn.then(() => this.#moveTo(name))
    try {
      await this.#turn
    } catch (error) {
      if (!(error instanceof KubeError)) throw error
      // A list that broke off (its version expired, say) only costs the shortcut.
      this.#ended = true
      this.#turn = Promise.resolve()
    }
    for (const { list, places } of this.#kept) {
      const place = places.get(name)
      if (place !== undefined) return list.at(place).object
    }
    return undefined
  }

  /** Nothing is found any more. */
  async close(): Promise<void> {
    this.#ended = true
    for (const { list } of this.#kept.splice(0)) list.release()
    await this.#source.return?.()
  }

  async #moveTo(name: string): Promise<void> {
    while (!this.#ended && (this.#reached === undefined || this.#reached < name)) {
      const next = await this.#source.next()
      // It may have been closed meanwhile.
      if (next.done === true || this.#ended) {
        this.#ended = true
        return
      }
      const { list } = next.value
      this.#kept.push(next.value)
      if (this.#kept.length > KEPT_PAGES) this.#kept.shift()?.list.release()
      if (list.length > 0) this.#reached = list.at(list.length - 1).metadata.name
    }
  }
}

async function* pagesOf(
  kube: KubeClient,
  { type, namespace }: Place,
  signal: AbortSignal | undefined,
): AsyncGenerator<Page, void, void> {
  const first = await kube.listRaw(type, { namespace, limit: FIRST_PAGE, signal })
  yield pageOf(first)
  for await (const page of kube.pagesAfter(first, type, { namespace, pageBytes: PAGE_BYTES, signal }))
    yield pageOf(page)
}

function pageOf({ items, size }: { items: RawList; size: number }): Page {
  return { list: items, size, places: new Map(Array.from(items, ({ metadata }, place) => [metadata.name, place])) }
}

interface Tally {
  existing: number
  created: number
  window?: NameWindow
}

/** Watches how creates fare, per type and namespace, and opens a list where most objects are there already; at once where `listsFirst`. */
export function liveObjects(
  kube: KubeClient,
  { signal, listsFirst }: { signal?: AbortSignal | undefined; listsFirst: (place: Place) => boolean },
): LiveObjects {
  const tallies = new Map<string, Tally>()
  /** The one that was asked for last is the last. */
  const open = new Set<NameWindow>()
  const tallyOf = ({ type, namespace }: Place): Tally => {
    const key = `${resourceName(type)} ${namespace ?? ''}`
    const tally = tallies.get(key) ?? { existing: 0, created: 0 }
    tallies.set(key, tally)
    return tally
  }
  const closeOldest = async (current: NameWindow): Promise<void> => {
    let size = [...open].reduce((sum, window) => sum + window.size, 0)
    for (const window of open) {
      if (size <= KEPT_BYTES || window === current) return
      size -= window.size
      open.delete(window)
      await window.close()
    }
  }
  return {
    async seen(place) {
      const tally = tallyOf(place)
      if (tally.window === undefined) {
        const few = tally.existing < ENOUGH || tally.existing < tally.created
        if (few && !listsFirst(place)) return undefined
        tally.window = new NameWindow(pagesOf(kube, place, signal))
      }
      const { window } = tally
      open.delete(window)
      open.add(window)
      const found = await window.find(place.name)
      await closeOldest(window)
      return found
    },
    async existing({ type, namespace, name }) {
      tallyOf({ type, namespace, name }).existing += 1
      return kube.find(type, name, { namespace, signal })
    },
    created(place) {
      tallyOf(place).created += 1
    },
    async forget() {
      tallies.clear()
      const windows = [...open]
      open.clear()
      await Promise.all(windows.map((window) => window.close()))
    },
  }
}

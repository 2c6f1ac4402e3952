import type { KubeClient, WatchEvent } from '#kube/client.ts'
import { KubeError } from '#kube/error.ts'
import type { KubeObject, ResourceType } from '#kube/object.ts'
import { setTimeout as sleep } from 'node:timers/promises'
import { failureDelay } from './queue.ts'

export interface NameWatchOptions<T> {
  readonly namespace: string
  readonly signal: AbortSignal
  /** Called with every object that is new or changed, and with all of them after each list. */
  onObject(object: T): void
  /** Called with the name of every object that is gone. */
  onGone(name: string): void
  /** Called after each list, when everything in it was told. */
  onListed(): void
  /** Told why the watch has to start over; it does so by itself. */
  onTrouble(error: unknown): void
}

/**
 * Says which objects of one type in one namespace may need attention, until `signal` is aborted. It keeps names only: whoever
 * acts reads the object afresh, so no decision to write rests on an old copy and memory does not grow with the objects.
 */
export async function watchNames<T extends KubeObject>(
  kube: KubeClient,
  type: ResourceType<T>,
  options: NameWatchOptions<T>,
): Promise<void> {
  const { signal } = options
  const known = new Set<string>()
  let troubles = 0
  while (!signal.aborted) {
    try {
      const resourceVersion = await listNames(kube, type, { known, options })
      for await (const event of kube.watch(type, { namespace: options.namespace, signal, resourceVersion })) {
        troubles = 0
        if (event.type !== 'BOOKMARK') take(event, { known, options })
      }
    } catch (error) {
      if (signal.aborted) return
      troubles += 1
      // Too old a version is the normal end of a watch on a busy server.
      if (!(error instanceof KubeError) || error.problem !== 'expired') options.onTrouble(error)
      await sleep(failureDelay(troubles), undefined, { signal }).catch(() => undefined)
    }
  }
}

interface Names<T> {
  readonly known: Set<string>
  readonly options: NameWatchOptions<T>
}

async function listNames<T extends KubeObject>(
  kube: KubeClient,
  type: ResourceType<T>,
  { known, options }: Names<T>,
): Promise<string> {
  const { namespace, signal } = options
  const gone = new Set(known)
  let version = ''
  for await (const page of kube.pages(type, { namespace, signal })) {
    version = page.resourceVersion
    for (const object of page.items) {
      const { name } = object.metadata
      gone.delete(name)
      known.add(name)
      options.onObject(object)
    }
  }
  for (const name of gone) {
    known.delete(name)
    options.onGone(name)
  }
  options.onListed()
  return version
}

function take<T extends KubeObject>(
  event: Exclude<WatchEvent<T>, { type: 'BOOKMARK' }>,
  { known, options }: Names<T>,
): void {
  const { name } = event.object.metadata
  if (event.type === 'DELETED') {
    known.delete(name)
    options.onGone(name)
  } else {
    known.add(name)
    options.onObject(event.object)
  }
}

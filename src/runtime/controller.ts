import type { KubeClient } from '#kube/client.ts'
import { KubeError } from '#kube/error.ts'
import type { KubeObject, ResourceType } from '#kube/object.ts'
import { watchNames } from './name-watch.ts'
import { openQueue, type WorkQueue } from './queue.ts'

/** What a reconcile wants next: nothing until something changes, or another look in a while. */
export type Next = { readonly afterMillis: number } | undefined

/** What every reconcile gets. */
export interface Environment {
  readonly kube: KubeClient
  /** The only namespace whose objects are looked at. */
  readonly namespace: string
  readonly now: () => Date
  /** Aborted when the process stops or its lease is lost: work ends where it can be taken up again. */
  readonly signal: AbortSignal
  readonly log: ProcessLog
}

/** Structured log of a process: fields first, then the sentence. */
export interface ProcessLog {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** What somebody wants to know of all objects of one type at any time; kept by the watch of their controller, so it may lag behind a little. */
export interface Ledger<T extends KubeObject> {
  /** Told of an object that is new or changed, before its turn comes. */
  note(object: T): void
  strike(name: string): void
  /** Told when every object that was there has been noted; again after each interruption. */
  complete(): void
}

/** Reacts to objects of one type. Level-based: it gets the object as it is now and does what is missing. */
export interface Controller<T extends KubeObject> {
  readonly name: string
  readonly type: ResourceType<T>
  /** Objects worked on at once; default 1. */
  readonly workers?: number
  readonly ledger?: Ledger<T>
  /** Whether something may have to be done about an object as the watch shows it; one that needs nothing is not read again until it changes. Default: yes. */
  concerns?(object: T): boolean
  /** Rejects when it should be tried again later, with growing delays. */
  reconcile(object: T, environment: Environment): Promise<Next>
  /** Told that there is no object of this name any more. */
  forget?(name: string): void
}

/** Runs `controller` until `environment.signal` is aborted; resolves when its last reconcile has ended. */
export async function runController<T extends KubeObject>(
  controller: Controller<T>,
  environment: Environment,
): Promise<void> {
  const { kube, namespace, signal, log } = environment
  if (signal.aborted) return
  const queue = openQueue()
  signal.addEventListener('abort', () => queue.close(), { once: true })
  const watching = watchNames(kube, controller.type, {
    namespace,
    signal,
    onObject(object) {
      controller.ledger?.note(object)
      if (controller.concerns?.(object) !== false) queue.add(object.metadata.name)
    },
    onGone(name) {
      controller.ledger?.strike(name)
      queue.add(name)
    },
    onListed: () => controller.ledger?.complete(),
    onTrouble: (error) =>
      log.warn({ controller: controller.name, error: messageOf(error) }, 'watch interrupted, starting over'),
  })
  const workers = Array.from({ length: controller.workers ?? 1 }, () => work(controller, { environment, queue }))
  await Promise.all([watching, ...workers])
}

async function work<T extends KubeObject>(
  controller: Controller<T>,
  { environment, queue }: { environment: Environment; queue: WorkQueue },
): Promise<void> {
  const { signal, log } = environment
  for (let name = await queue.take(); name !== undefined; name = await queue.take()) {
    try {
      queue.done(name, (await reconcileNamed(controller, name, environment))?.afterMillis)
    } catch (error) {
      queue.failed(name)
      if (signal.aborted) continue
      const fields = { controller: controller.name, name, error: messageOf(error) }
      if (error instanceof KubeError && error.problem === 'conflict') log.debug(fields, 'object changed meanwhile')
      else log.error(fields, 'reconcile failed, trying again later')
    }
  }
}

async function reconcileNamed<T extends KubeObject>(
  controller: Controller<T>,
  name: string,
  environment: Environment,
): Promise<Next> {
  const { kube, namespace, signal } = environment
  const object = await kube.find(controller.type, name, { namespace, signal })
  if (object !== undefined) return await controller.reconcile(object, environment)
  controller.forget?.(name)
  return undefined
}

/** The sentence of an error, whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

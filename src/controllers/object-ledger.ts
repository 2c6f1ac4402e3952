import type { KubeObject } from '#kube/object.ts'
import { unlessAborted } from '#kube/unless-aborted.ts'
import type { Environment, Ledger } from '#runtime/controller.ts'

/** What is kept of every object. */
export interface Noted {
  readonly name: string
  readonly uid: string
  readonly resourceVersion: string
}

/** What is known of all objects of a type without asking the API server. */
export interface KnownObjects<E extends Noted> {
  /** Extracts, which may lag behind a little. Waits until there are all of them; rejects with the signal's reason. */
  all(environment: Pick<Environment, 'signal'>): Promise<E[]>
}

/** Kept by the watch of the type's controller, and by what this process writes itself. */
export interface ObjectLedger<T extends KubeObject, E extends Noted> extends Ledger<T>, KnownObjects<E> {
  /** Told of an object as this process has just written it, so that nobody decides by what it was before. */
  wrote(object: T): void
  /** Told of an object that this process has just made; the watch may have shown it by now. */
  made(object: T): void
}

/** Keeps what `extractOf` takes of every object. */
export function objectLedger<T extends KubeObject, E extends Noted>(extractOf: (object: T) => E): ObjectLedger<T, E> {
  const extracts = new Map<string, E>()
  /** What this process wrote and the watch has not shown yet. */
  const ahead = new Map<string, Noted>()
  const whole = Promise.withResolvers<void>()
  return {
    note(object) {
      const extract = extractOf(object)
      if (isOlder(extract, ahead.get(extract.name))) return
      ahead.delete(extract.name)
      extracts.set(extract.name, extract)
    },
    wrote(object) {
      const extract = extractOf(object)
      const before = extracts.get(extract.name)
      // Deleted since, or the watch was faster.
      if (before?.uid !== extract.uid || isOlder(extract, before)) return
      ahead.set(extract.name, extract)
      extracts.set(extract.name, extract)
    },
    made(object) {
      if (!extracts.has(object.metadata.name)) extracts.set(object.metadata.name, extractOf(object))
    },
    strike(name) {
      ahead.delete(name)
      extracts.delete(name)
    },
    complete: () => whole.resolve(),
    async all({ signal }) {
      await unlessAborted(whole.promise, signal)
      return [...extracts.values()]
    },
  }
}

/** The part that every extract has. */
export function notedOf({ name, uid = '', resourceVersion = '' }: KubeObject['metadata']): Noted {
  return { name, uid, resourceVersion }
}

/** Of one object; versions of the API server are numbers that grow. */
function isOlder(a: Noted, b: Noted | undefined): boolean {
  return b !== undefined && a.uid === b.uid && Number(a.resourceVersion) < Number(b.resourceVersion)
}

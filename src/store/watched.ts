import { StoreError, type ObjectStore } from '#store/store.ts'

/** `store`, telling `onError` of everything that it could not do before it says so itself. That something is not there, or is there already, is an answer and no failure. */
export function watchedStore(store: ObjectStore, onError: (error: StoreError) => void): ObjectStore {
  const look = (error: unknown): unknown => {
    if (error instanceof StoreError && error.problem !== 'missing' && error.problem !== 'exists') onError(error)
    return error
  }
  const done = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (error) {
      throw look(error)
    }
  }
  async function* each<T>(source: AsyncIterable<T>): AsyncGenerator<T> {
    try {
      yield* source
    } catch (error) {
      throw look(error)
    }
  }
  const { locks } = store
  return {
    url: store.url,
    put: (key, body, options) => done(() => store.put(key, body, options)),
    get: (key, options) => done(async () => each(await store.get(key, options))),
    head: (key) => done(() => store.head(key)),
    list: (prefix) => each(store.list(prefix)),
    folders: (prefix) => each(store.folders(prefix)),
    delete: (key) => done(() => store.delete(key)),
    presignGet: (key, seconds) => done(() => store.presignGet(key, seconds)),
    check: (options) => done(() => store.check(options)),
    locks: locks && {
      longest: (prefix) => done(() => locks.longest(prefix)),
      purge: (prefix) => done(() => locks.purge(prefix)),
      protection: () => done(() => locks.protection()),
    },
    close: () => store.close(),
  }
}

import { checkKey, checkPrefix, cleanPrefix } from '#store/key.ts'
import type { ObjectLocks, ObjectStore } from '#store/store.ts'

/** The part of `store` below `prefix` as a store of its own: no key leads out of it. Closing it closes `store`. */
export function prefixed(store: ObjectStore, prefix: string): ObjectStore {
  const base = cleanPrefix(prefix)
  if (base === '') return store
  const inside = (key: string): string => {
    checkKey(key)
    return base + key
  }
  const below = (under: string): string => {
    checkPrefix(under)
    return base + under
  }
  return {
    url: `${store.url}/${base.slice(0, -1)}`,
    put: async (key, body, options) => store.put(inside(key), body, options),
    get: async (key, options) => store.get(inside(key), options),
    async head(key) {
      const found = await store.head(inside(key))
      return found && { ...found, key }
    },
    async *list(under) {
      for await (const object of store.list(below(under))) yield { ...object, key: object.key.slice(base.length) }
    },
    async *folders(under) {
      yield* store.folders(below(under))
    },
    delete: async (key) => store.delete(inside(key)),
    presignGet: async (key, seconds) => store.presignGet(inside(key), seconds),
    check: (options) => store.check(options),
    locks: store.locks && prefixedLocks(store.locks, { base, below }),
    close: () => store.close(),
  }
}

function prefixedLocks(
  locks: ObjectLocks,
  { base, below }: { base: string; below: (under: string) => string },
): ObjectLocks {
  return {
    async longest(under) {
      const found = await locks.longest(below(under))
      return found && { ...found, key: found.key.slice(base.length) }
    },
    purge: async (under) => locks.purge(below(under)),
    protection: () => locks.protection(),
  }
}

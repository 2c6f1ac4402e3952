import type { ObjectStore } from './store.ts'

/** Deletes everything below `prefix`. Every object is tried; then the first failure, if any, is thrown. Once is as good as twice. */
export async function deletePrefix(store: ObjectStore, prefix: string): Promise<void> {
  const failures: unknown[] = []
  for await (const { key } of store.list(prefix)) {
    await store.delete(key).catch((error: unknown) => failures.push(error))
  }
  if (failures.length > 0) throw failures[0]
}

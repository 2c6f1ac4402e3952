import { StoreError, type ObjectStore } from './store.ts'

/** As `store.get`, but undefined when there is no such object. */
export async function findObject(
  store: ObjectStore,
  key: string,
  options: { signal?: AbortSignal | undefined } = {},
): Promise<AsyncIterable<Uint8Array> | undefined> {
  try {
    return await store.get(key, options)
  } catch (error) {
    if (error instanceof StoreError && error.problem === 'missing') return undefined
    throw error
  }
}

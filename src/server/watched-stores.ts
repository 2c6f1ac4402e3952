import type { LocationStores } from '#controllers/location-stores.ts'
import { StoreError, type ObjectStore } from '#store/store.ts'
import { watchedStore } from '#store/watched.ts'

/** `stores`, telling `onError` of everything that a location's store could not do, the opening of it among that. */
export function watchedStores(
  stores: LocationStores,
  onError: (location: string, problem: string) => void,
): LocationStores {
  const opened = async (name: string, open: () => Promise<ObjectStore>): Promise<ObjectStore> => {
    try {
      return watchedStore(await open(), ({ problem }) => onError(name, problem))
    } catch (error) {
      if (error instanceof StoreError) onError(name, error.problem)
      throw error
    }
  }
  return {
    open: (location, options) => opened(location.metadata.name, () => stores.open(location, options)),
    openNamed: (name) => opened(name, () => stores.openNamed(name)),
  }
}

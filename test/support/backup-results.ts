import { decodeResults, type Results } from '#archive/results.ts'
import { backupKey } from '#store/layout.ts'
import type { ObjectStore } from '#store/store.ts'

/** All errors and all warnings that a stored backup tells of, wherever they belong. */
export async function findingsOf(
  store: ObjectStore,
  name = 'nightly',
): Promise<{ errors: string[]; warnings: string[] }> {
  const { errors, warnings } = await decodeResults(await store.get(backupKey(name, 'results')))
  return { errors: linesOf(errors), warnings: linesOf(warnings) }
}

function linesOf(results: Results['errors']): string[] {
  const { velero = [], cluster = [], namespaces = {} } = results
  return [...velero, ...cluster, ...Object.values(namespaces).flat()]
}

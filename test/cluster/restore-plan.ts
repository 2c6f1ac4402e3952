import assert from 'node:assert/strict'
import type { ResourceList } from '#archive/resource-list.ts'
import { addResult, emptyResults, type Results } from '#archive/results.ts'
import { openBackup } from '#restore/backup-source.ts'
import { type PlannedObject, type RestoreFinding, previewRestore } from '#restore/preview.ts'
import { type RestoreEnd, type RestoreOrder, restoreOf } from './restore-order.ts'

/** The whole plan of a restore that is not made. */
export async function planOf(
  order: RestoreOrder,
): Promise<{ objects: PlannedObject[]; findings: readonly RestoreFinding[] }> {
  const { kube, store } = order
  await using source = await openBackup('nightly', { store })
  const { objects, findings } = await previewRestore({ restore: restoreOf(order), source, kube })
  return { objects: await Array.fromAsync(objects), findings }
}

/** Fails unless a plan has said of every object what became of it, and every warning and error. */
export function assertForeseen(
  objects: readonly PlannedObject[],
  { resourceList, results }: Pick<RestoreEnd, 'resourceList' | 'results'>,
): void {
  const expected = foreseen(objects)
  assert.deepEqual(calm(expected.list), calm(resourceList))
  assert.deepEqual(sorted(expected.results), sorted(results))
}

const actions = {
  create: 'created',
  update: 'updated',
  recreate: 'recreated',
  delete: 'deleted',
  skip: 'skipped',
  conflict: 'failed',
}

/** The resource list and the results that the run has to have, if the plan is right. */
function foreseen(objects: readonly PlannedObject[]): { list: ResourceList; results: Results } {
  const list: ResourceList = {}
  const results = emptyResults()
  for (const { kind, namespace, name, action, because, remarks } of objects) {
    for (const { severity, message } of remarks) addResult(results[`${severity}s`], namespace ?? '', message)
    if (kind === undefined || because === 'namespace-exists' || because === 'finished') continue
    const names = (list[`${kind.apiVersion}/${kind.kind}`] ??= [])
    names.push(`${namespace === undefined ? '' : `${namespace}/`}${name}(${actions[action]})`)
  }
  return { list, results }
}

/** What controllers make or change while the restore runs, on their own or because of it, is left out. */
function calm(list: ResourceList): ResourceList {
  const kept = Object.entries(list)
    .filter(([kind]) => kind !== 'v1/Endpoints' && kind !== 'discovery.k8s.io/v1/EndpointSlice')
    .map(([kind, names]) => [kind, names.filter((name) => !name.includes('/kube-root-ca.crt(')).toSorted()] as const)
  return Object.fromEntries(kept.filter(([, names]) => names.length > 0))
}

function sorted(results: Results): unknown {
  return JSON.parse(
    JSON.stringify(results, (_, value: unknown) => (Array.isArray(value) ? value.toSorted() : value)),
  ) as unknown
}

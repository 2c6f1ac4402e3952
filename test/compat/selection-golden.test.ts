import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Backup } from '#api/backup.ts'
import { decodeResourceList } from '#archive/resource-list.ts'
import { decideExisting } from '#items/existing.ts'
import { refKey } from '#items/item-ref.ts'
import { crdOfType, indexBindings, relatedItems } from '#items/related.ts'
import { prepareForRestore } from '#items/restore-step.ts'
import { decideVolume } from '#items/volume-decision.ts'
import type { Item, KubeObject } from '#kube/object.ts'
import type { BackupScope } from '#selection/backup-scope.ts'
import { compileBackupScope, namespaceSkipReason, skipReason, takesCrdsOfItems } from '#selection/backup-scope.ts'
import type { Contents } from './golden-archive.ts'
import { goldenArtifact, goldenContents, goldenJson, servedTypes } from './golden-archive.ts'

/** Objects that came and went between the scenarios' backups. */
const shortLived = /^(events|leases\.coordination\.k8s\.io)\//

/** These namespaces are always there; not every archive has them. */
const systemNamespaces = ['default', 'kube-node-lease', 'kube-public', 'kube-system', 'velero'].map(
  (name): KubeObject => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name }, status: { phase: 'Active' } }),
)

const ofKind = (cluster: Contents, kind: string): KubeObject[] =>
  [...cluster.values()].map(({ object }) => object).filter((object) => object.kind === kind)

/** Everything a backup takes from `cluster`, as the collecting rooms put the decisions together. */
function selected(cluster: Contents, scope: BackupScope): Set<string> {
  const bindings = indexBindings(ofKind(cluster, 'ClusterRoleBinding'))
  const pods = ofKind(cluster, 'Pod')
  const taken = new Set<string>()
  const queue: Item[] = []
  const take = (key: string, origin: 'listed' | 'related'): void => {
    const item = cluster.get(key)
    if (item === undefined || taken.has(key) || skipReason(item, scope, origin) !== undefined) return
    taken.add(key)
    queue.push(item)
  }
  for (const [key, { type }] of cluster) if (type.kind !== 'Namespace') take(key, 'listed')
  const withItems = new Set(queue.map(({ namespace }) => namespace))
  for (const item of queue) {
    const neighbours = pods.filter(({ metadata }) => metadata.namespace === item.namespace)
    for (const ref of relatedItems(item, { bindings, pods: neighbours })) take(refKey(ref), 'related')
  }
  const definitions = takesCrdsOfItems(scope) ? queue.map(({ type }) => crdOfType(type)) : []
  for (const ref of definitions) if (ref !== undefined) take(refKey(ref), 'related')
  for (const namespace of ofKind(cluster, 'Namespace')) {
    const { name } = namespace.metadata
    if (namespaceSkipReason(namespace, scope, withItems.has(name)) === undefined) taken.add(`namespaces/${name}`)
  }
  return taken
}

const scenarios = [
  'a02-whole-cluster',
  'a03-one-namespace',
  'a04-resources',
  'a05-selector',
  'a06-icr-true',
  'a07-mapping',
  'a08-modifiers',
  'a09-schedule',
  'a10-ordered',
  'a11-existing',
  'a12-update-drift',
  'a13-status',
  'a14-restore-filters',
  'a16-name-253',
]

for (const scenario of scenarios) {
  test(`from the same cluster the objects are taken that Velero took: ${scenario}`, async () => {
    const own = await goldenContents(scenario)
    // No archive holds the whole cluster; the widest ones together do, as all were made of the same workloads.
    const wide = await Promise.all(['a14-restore-filters', 'a06-icr-true', 'a02-whole-cluster'].map(goldenContents))
    const cluster: Contents = new Map([...wide, own].flatMap((contents) => [...contents]))
    const { spec } = (await goldenJson(scenario, 'backup.json')) as Backup
    const known = ofKind(cluster, 'Namespace')
    const missing = systemNamespaces.filter(({ metadata }) => !known.some((one) => one.metadata.name === metadata.name))
    const scope = compileBackupScope(spec, { types: servedTypes(cluster.values()), namespaces: [...known, ...missing] })
    const stable = (keys: Iterable<string>): string[] => [...keys].filter((key) => !shortLived.test(key)).toSorted()
    assert.deepEqual(stable(selected(cluster, scope)), stable(own.keys()))
  })
}

test('of objects that exist unchanged the same ones count as different as for Velero (a11)', async () => {
  const scenario = 'a11-existing'
  const contents = await goldenContents(scenario)
  const recorded = await decodeResourceList(
    await goldenArtifact(scenario, `restore-${scenario}-r-resource-list.json.gz`),
  )
  const volumes = ofKind(contents, 'PersistentVolume').map(
    (volume) => [volume.metadata.name, decideVolume(volume, { info: undefined })] as const,
  )
  const context = {
    backupName: scenario,
    restoreName: `${scenario}-r`,
    volumes: new Map(volumes),
    liveServiceAccounts: new Set<string>(),
    restoresStatus: () => false,
  }
  const actions = new Map<string, string[]>()
  for (const [key, { object, namespace, name }] of contents) {
    if (object.kind === 'Namespace' || object.kind === 'Event') continue
    const prepared = prepareForRestore({ resource: key.slice(0, key.indexOf('/')), object }, context)
    if (prepared.do !== 'create') continue
    const decision = decideExisting({ live: object, desired: prepared.object, policy: undefined })
    const entry = `${namespace === undefined ? '' : `${namespace}/`}${name}(${decision.do === 'nothing' ? 'skipped' : 'failed'})`
    const kind = `${object.apiVersion}/${object.kind}`
    actions.set(kind, [...(actions.get(kind) ?? []), entry].toSorted())
  }
  assert.deepEqual(Object.fromEntries(actions), { ...recorded })
})

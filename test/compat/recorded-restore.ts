import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Restore } from '#api/restore.ts'
import { crdOf } from '#api/crd.ts'
import { allKinds } from '#api/kinds.ts'
import { type ResourceList, decodeResourceList } from '#archive/resource-list.ts'
import type { Results, ResultSet } from '#archive/results.ts'
import type { KubeClient } from '#kube/client.ts'
import type { KubeObject, ResourceType } from '#kube/object.ts'
import { ClusterRoleBindings, Definitions, Namespaces, object } from '../support/objects.ts'
import type { ClusterState } from './normalize.ts'
import { readState } from './recorded-state.ts'

const golden = join(import.meta.dirname, 'golden')
const Nodes: ResourceType = { group: '', version: 'v1', plural: 'nodes', kind: 'Node', namespaced: false }

/** What real Velero was asked for, and what it made of it. */
export interface RecordedRestore {
  /** The folder that was the bucket. */
  bucket: string
  restore: Restore
  results: Results
  resourceList: ResourceList
  state: ClusterState
}

/** Reads one scenario of golden/. */
export async function recordedRestore(scenario: string): Promise<RecordedRestore> {
  const folder = join(golden, 'scenarios', scenario)
  const json = async (file: string): Promise<unknown> => JSON.parse(await readFile(join(folder, file), 'utf8'))
  const restore = (await json('restore.json')) as Restore
  const { name } = restore.metadata
  const list = join(folder, 'bucket', 'restores', name, `restore-${name}-resource-list.json.gz`)
  return {
    bucket: join(folder, 'bucket'),
    restore,
    results: (await json('restore-results.json')) as Results,
    resourceList: await decodeResourceList(await readFile(list)),
    state: await readState(join(golden, 'state', scenario)),
  }
}

/** Gives an empty cluster what the emptied target cluster of the recordings still had: a node, Velero's types and its own objects. */
export async function furnishAsRecorded(kube: KubeClient): Promise<void> {
  const labels = { 'kubernetes.io/hostname': 'node-a', 'kubernetes.io/os': 'linux' }
  await kube.create(Nodes, object(Nodes, 'node-a', { metadata: { labels } }))
  await Promise.all(allKinds.map((kind) => kube.create(Definitions, crdOf(kind) as unknown as KubeObject)))
  await kube.create(Namespaces, object(Namespaces, 'velero'))
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' }
  await kube.create(ClusterRoleBindings, object(ClusterRoleBindings, 'velero', { roleRef }))
}

// Objects of every cluster, or of the recording set-up: theirs and ours are not the same objects.
const ownNamespace = /^(default|velero|kube-[a-z-]+)$/
const ownObject = /^((default|velero|kube-[a-z-]+)\/|velero\()|\/kube-root-ca\.crt\(/
const ownKind = /^networking\.k8s\.io\/v1\/(IPAddress|ServiceCIDR)$/

/** The entries of a resource list that golden/README.md says to compare, one line each, sorted. */
export function comparableList(list: ResourceList): string[] {
  return Object.entries(list)
    .filter(([kind]) => !ownKind.test(kind))
    .flatMap(([kind, names]) => names.filter((name) => !ownObject.test(name)).map((name) => `${kind} ${name}`))
    .toSorted()
}

// Each with its reason in golden/README.md.
const notCompared = [
  /^failed to list stub VolumeGroupSnapshotContents/,
  /ConfigMap:kube-root-ca\.crt already exists/,
  /CustomResourceDefinition:[a-z]+\.velero\.io already exists/,
  /ClusterRoleBinding:velero already exists/,
  /ServiceCIDR:kubernetes already exists/,
  /^endpointslices\.discovery\.k8s\.io "[^"]+" not found$/,
  /^secrets "(batch|chores)-token" not found$/,
  /^hook .* not run: its container was not running/,
]

/** Warnings or errors that golden/README.md says to compare, as `bucket: text`, sorted. */
export function comparableResults(set: ResultSet): string[] {
  // Velero has a bucket for the namespace "cluster", which is not the one for the cluster.
  const buckets: [string, string[]][] = [
    ['velero', set.velero ?? []],
    ['cluster', set.cluster ?? []],
    ...Object.entries(set.namespaces ?? {}),
  ]
  return buckets
    .filter(([bucket], index) => index === 0 || !ownNamespace.test(bucket))
    .flatMap(([bucket, texts]) => texts.map((text) => `${bucket}: ${inOneWord(text)}`))
    .filter((line) => !notCompared.some((rule) => rule.test(line.slice(line.indexOf(': ') + 2))))
    .toSorted()
}

/**
 * Velero names the file that is missing in its temporary folder, Lifeboat the object; of a patch that does not fit Velero names the path,
 * Lifeboat rule and object as well (docs/velero-compatibility.md).
 */
function inOneWord(text: string): string {
  const [, path] =
    /^error in applying patch error in applying JSON Patch \w+ operation does not apply: (?:doc )?is missing path: "?([^":]+)/.exec(
      text,
    ) ??
    /: resource modifier rule \d+: cannot \w+ (\S+): there is nothing at this path$/.exec(text) ??
    []
  if (path !== undefined) return `no such path: ${path}`
  const [, resource, name] =
    /^stat \S+\/resources\/([^/]+)\/(?:cluster|namespaces\/[^/]+)\/([^/]+)\.json: no such file or directory$/.exec(
      text,
    ) ??
    /^([^/ ]+)\/(?:[^/ ]+\/)?([^/ ]+) is not in the backup, but \S+ needs it$/.exec(text) ??
    []
  return resource === undefined ? text : `missing in the backup: ${resource} ${name}`
}

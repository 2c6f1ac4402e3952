import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import type { Backup } from '#api/backup.ts'
import { openArchive } from '#archive/open.ts'
import { decodeResourceList, type ResourceList } from '#archive/resource-list.ts'
import { parseJson } from '#kube/json.ts'
import type { KubeObject } from '#kube/object.ts'
import { backupArtifacts, backupKey, backupPrefix } from '#store/layout.ts'
import type { ObjectStore } from '#store/store.ts'
import type { Places } from './velero-site.ts'

/** Objects that come, go and change by themselves, or because of the backups. */
const shortLived = /^(resources\/)?(events|leases\.coordination\.k8s\.io|[a-z]+\.velero\.io)(\.events\.k8s\.io)?\//
const shortLivedKind = /^(v1\/Event|events\.k8s\.io\/v1\/Event|coordination\.k8s\.io\/v1\/Lease|velero\.io\/v1\/\w+)$/

/** Both backups ended alike: phase, errors, labels, annotations, format and which fields the status has. Warnings are counted by each in its own way. */
export function assertSameOutcome(ours: Backup, theirs: Backup): void {
  const told = ({ metadata, status }: Backup): unknown => {
    const { phase, errors = 0, version, formatVersion } = status ?? {}
    const fields = Object.keys(status ?? {}).filter((field) => field !== 'warnings')
    const { labels, annotations } = metadata
    return { labels, annotations, phase, errors, version, formatVersion, fields: fields.toSorted() }
  }
  assert.deepEqual(told(ours), told(theirs))
}

/** Both archives hold the same entries with the same content, and the other files say the same; ours has a manifest besides. Gives the number of entries. */
export async function assertSameStored({ velero, lifeboat }: Places['stores'], name: string): Promise<number> {
  const [theirs, ours] = [await contentsOf(velero, name), await contentsOf(lifeboat, name)]
  const paths = (contents: StoredObjects): string[] =>
    [...contents.keys()].filter((path) => !shortLived.test(path)).toSorted()
  assert.deepEqual(paths(ours), paths(theirs))
  // What changed in between is not the same in both.
  const unchanged = [...theirs].filter(
    ([path, { metadata }]) => ours.get(path)?.metadata.resourceVersion === metadata.resourceVersion,
  )
  assert.ok(unchanged.length >= theirs.size / 2, `${unchanged.length} of ${theirs.size} are unchanged`)
  for (const [path, object] of unchanged) assert.deepEqual(ours.get(path), object, path)
  assert.deepEqual(await listOf(lifeboat, name), await listOf(velero, name))
  const artifacts = await Promise.all([artifactsOf(lifeboat, name), artifactsOf(velero, name)])
  assert.deepEqual(
    artifacts[0].filter((artifact) => artifact !== 'manifest'),
    artifacts[1],
  )
  return paths(ours).length
}

/** Objects by their path in the archive, in its order; those of versions too. */
export type StoredObjects = Map<string, KubeObject>

/** Everything in the archive of a backup. */
export async function contentsOf(store: ObjectStore, name: string): Promise<StoredObjects> {
  const bytes = await store.get(backupKey(name, 'contents'))
  await using archive = await openArchive(bytes, { spoolDir: tmpdir(), parse: parseJson })
  const contents: StoredObjects = new Map()
  for (const entry of archive.entries()) contents.set(entry.path, await archive.read(entry))
  for (const entry of archive.versionedEntries()) contents.set(entry.path, await archive.read(entry))
  return contents
}

async function listOf(store: ObjectStore, name: string): Promise<ResourceList> {
  const list = await decodeResourceList(await store.get(backupKey(name, 'resource-list')))
  return Object.fromEntries(Object.entries(list).filter(([kind]) => !shortLivedKind.test(kind)))
}

async function artifactsOf(store: ObjectStore, name: string): Promise<string[]> {
  const keys = (await Array.fromAsync(store.list(backupPrefix(name)))).map(({ key }) => key)
  const known = backupArtifacts.filter((artifact) => keys.includes(backupKey(name, artifact)))
  assert.equal(known.length, keys.length, keys.join(' '))
  return known.toSorted()
}

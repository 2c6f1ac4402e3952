import assert from 'node:assert/strict'
import { fileStore } from '#store/file.ts'
import type { ObjectStore } from '#store/store.ts'
import { VolumeSnapshotContents, VolumeSnapshots } from '#volumes/snapshot-types.ts'
import { scratchFolder } from '../support/cli.ts'
import { testNamespace } from '../support/cluster.ts'
import { claim } from '../support/csi/claims.ts'
import { inPod, podReaches, startPod, type NodeCluster } from '../support/node-sandbox.ts'
import { Claims } from '../support/objects.ts'
import { eventually } from '../support/server.ts'

/** A namespace with one pod that has written random bytes on each of its disks. */
export interface DiskShop extends AsyncDisposable {
  readonly namespace: string
  readonly disks: readonly string[]
  /** SHA-256 of each disk's file, in the order of `disks`. */
  readonly sums: readonly string[]
  /** The driver's names of the disks, in the same order. */
  readonly handles: readonly string[]
}

/** Opens it. Its claims and its pod are real. */
export async function openDiskShop(cluster: NodeCluster, disks: readonly string[]): Promise<DiskShop> {
  const { kube, storage } = cluster
  const home = await testNamespace(kube)
  const namespace = home.name
  for (const name of disks) await claim(kube, { namespace, name })
  const claims = Object.fromEntries(disks.map((disk) => [`/disks/${disk}`, disk]))
  await startPod(kube, { namespace, name: 'keeper', claims })
  const write = 'for d in /disks/*; do head -c 1000000 /dev/urandom > $d/blob; done; sync'
  await inPod(cluster, { namespace, name: 'keeper' }, ['sh', '-c', write])
  return {
    namespace,
    disks,
    sums: await sumsIn(cluster, namespace),
    handles: await Promise.all(disks.map((name) => storage.handleOf({ namespace, name }))),
    [Symbol.asyncDispose]: () => home[Symbol.asyncDispose](),
  }
}

/** A store that no other test has: snapshots of backups with the same name in one store are those of one backup. */
export async function ownStore(): Promise<AsyncDisposable & { store: ObjectStore }> {
  const folder = await scratchFolder()
  return { store: fileStore(folder.path), [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() }
}

/** What is on the disks of the keeper in a namespace, once it runs. */
export async function sumsIn(cluster: NodeCluster, namespace: string): Promise<string[]> {
  const keeper = { namespace, name: 'keeper' }
  await podReaches(cluster.kube, { ...keeper, phase: 'Running' })
  const text = await inPod(cluster, keeper, ['sh', '-c', 'sha256sum /disks/*/blob'])
  return text
    .trim()
    .split('\n')
    .map((line) => line.split(' ', 1)[0] ?? '')
}

/** The snapshots of the shop's disks that the storage holds. */
export async function snapshotsOf({ storage }: NodeCluster, { handles }: DiskShop): Promise<string[]> {
  return (await storage.snapshots()).filter(({ volume }) => handles.includes(volume)).map(({ id }) => id)
}

/** Waits until the cluster knows nothing of the snapshots in a namespace. */
export async function nothingKnown({ kube }: NodeCluster, namespace: string): Promise<void> {
  await eventually(async () => {
    const snapshots = (await kube.list(VolumeSnapshots, { namespace })).items
    const contents = (await kube.list(VolumeSnapshotContents, {})).items.filter(
      ({ spec }) => spec?.volumeSnapshotRef?.['namespace'] === namespace,
    )
    return snapshots.length + contents.length === 0 || undefined
  }, 60)
}

/** Waits until the storage no longer has the shop's disks. */
export async function disksAreGone({ storage }: NodeCluster, { handles }: DiskShop): Promise<void> {
  await eventually(async () => (await storage.volumes()).every(({ id }) => !handles.includes(id)) || undefined, 120)
}

/** Names of the claims in a namespace. */
export async function claimsIn({ kube }: NodeCluster, namespace: string): Promise<string[]> {
  return (await kube.list(Claims, { namespace })).items.map(({ metadata }) => metadata.name).toSorted()
}

/** Every sum is as it was, and there are some. */
export function assertSame(found: readonly string[], shop: DiskShop): void {
  assert.equal(shop.sums.length, shop.disks.length)
  assert.deepEqual(found, shop.sums)
}

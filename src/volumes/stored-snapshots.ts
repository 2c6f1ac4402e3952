import { createHash } from 'node:crypto'
import { CsiDrivers } from '#kube/core-types.ts'
import type { KubeClient } from '#kube/client.ts'
import { KubeError } from '#kube/error.ts'
import { apiVersionOf } from '#kube/object.ts'
import { endSpentContents } from './spent-contents.ts'
import {
  contentProtection,
  VolumeSnapshotClasses,
  VolumeSnapshotContents,
  type VolumeSnapshotContent,
} from './snapshot-types.ts'
import { unlessGone } from './unless-gone.ts'

/** A snapshot in the storage of which the cluster knows nothing any more. */
export interface StoredSnapshot {
  readonly driver: string
  readonly handle: string
  /** Of the content as it was; they name the secrets that the driver may need. */
  readonly annotations?: Readonly<Record<string, string>> | undefined
}

export interface StoredSnapshotOptions {
  readonly kube: KubeClient
  /** Finds the contents that restores have made for them, by labels; without it none are looked for. */
  readonly restored?: string | undefined
  /** How long a driver may take for one; default two minutes. */
  readonly patienceMillis?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** What became of the snapshots that were to go. */
export interface DeletedSnapshots {
  readonly deleted: number
  /** A sentence for each that a driver which is there did not delete; asking again may help. */
  readonly problems: readonly string[]
  /** A sentence for each that nobody in this cluster can delete. */
  readonly unreachable: readonly string[]
}

const TWO_MINUTES_MS = 120_000

/**
 * Deletes snapshots from the storage as Velero does (spec/volumes §1.3): a content with policy Delete is made for each and deleted. It is
 * waited for until the driver has done it. What restores have made for them goes too. Doing it again is the same as once. Rejects with the signal's reason, or KubeError when the cluster is lost.
 */
export async function deleteStoredSnapshots(
  snapshots: readonly StoredSnapshot[],
  options: StoredSnapshotOptions,
): Promise<DeletedSnapshots> {
  const drivers = [...new Set(snapshots.map(({ driver }) => driver))]
  const absent = new Set<string>()
  for (const driver of drivers) if (!(await isHere(driver, options))) absent.add(driver)
  const unreachable = snapshots
    .filter(({ driver }) => absent.has(driver))
    .map(({ driver, handle }) => `snapshot ${handle} stays in the storage: its driver ${driver} is not in this cluster`)
  const here = snapshots.filter(({ driver }) => !absent.has(driver))
  const ends = await Promise.all(here.map((snapshot) => deleteOne(snapshot, options)))
  const problems = ends.filter((problem) => problem !== undefined)
  const gone = here.filter((_, index) => ends[index] === undefined)
  const spent = await endSpentContents(gone, options)
  return { deleted: gone.length, problems: [...problems, ...spent], unreachable }
}

async function isHere(driver: string, { kube, signal }: StoredSnapshotOptions): Promise<boolean> {
  try {
    if ((await kube.find(CsiDrivers, driver, { signal })) !== undefined) {
      await kube.list(VolumeSnapshotClasses, { limit: 1, signal })
      return true
    }
    const classes = await Array.fromAsync(kube.pages(VolumeSnapshotClasses, { signal }))
    return classes.some(({ items }) => items.some((one) => one.driver === driver))
  } catch (error) {
    // The type is not served.
    if (error instanceof KubeError && error.problem === 'not-found') return false
    throw error
  }
}

async function deleteOne(snapshot: StoredSnapshot, options: StoredSnapshotOptions): Promise<string | undefined> {
  const { kube, patienceMillis = TWO_MINUTES_MS, signal } = options
  const content = contentFor(snapshot)
  const { name } = content.metadata
  try {
    try {
      await kube.create(VolumeSnapshotContents, content, { signal })
    } catch (error) {
      if (!(error instanceof KubeError) || error.problem !== 'already-exists') throw error
    }
    // Without it the sidecar lets a content go that it sees only when it is deleted, and the snapshot stays.
    const status = { snapshotHandle: snapshot.handle }
    const named = kube.patch(VolumeSnapshotContents, name, { merge: { status } }, { subresource: 'status', signal })
    await unlessGone(named)
    await kube.delete(VolumeSnapshotContents, name, { signal })
    const left = await untilGone(name, { kube, signal, until: performance.now() + patienceMillis })
    if (left === undefined) return undefined
    const said = left.status?.error?.message ?? 'nothing yet'
    return `snapshot ${snapshot.handle} is not deleted after ${Math.round(patienceMillis / 1000)} s; driver ${snapshot.driver} says: ${said}`
  } catch (error) {
    signal?.throwIfAborted()
    if (!(error instanceof KubeError) || error.problem === 'unreachable') throw error
    return `snapshot ${snapshot.handle} cannot be deleted: ${error.message}`
  }
}

/** The content as it is when patience ends, undefined as soon as it is gone. */
async function untilGone(
  name: string,
  { kube, signal, until }: { kube: KubeClient; signal: AbortSignal | undefined; until: number },
): Promise<VolumeSnapshotContent | undefined> {
  let live = await kube.find(VolumeSnapshotContents, name, { signal })
  if (live === undefined) return undefined
  const enough = AbortSignal.timeout(Math.max(1, Math.ceil(until - performance.now())))
  const watching = AbortSignal.any([enough, ...(signal === undefined ? [] : [signal])])
  const { resourceVersion = '' } = live.metadata
  try {
    const fieldSelector = `metadata.name=${name}`
    for await (const event of kube.watch(VolumeSnapshotContents, {
      fieldSelector,
      resourceVersion,
      signal: watching,
    })) {
      if (event.type === 'DELETED') return undefined
      if (event.type !== 'BOOKMARK') live = event.object
    }
  } catch (error) {
    signal?.throwIfAborted()
    if (!enough.aborted && !(error instanceof KubeError && error.problem === 'expired')) throw error
  }
  return live
}

function contentFor({ driver, handle, annotations = {} }: StoredSnapshot): VolumeSnapshotContent {
  const id = createHash('sha256').update(`${driver}/${handle}`).digest('hex').slice(0, 20)
  return {
    apiVersion: apiVersionOf(VolumeSnapshotContents),
    kind: VolumeSnapshotContents.kind,
    metadata: {
      name: `lifeboat-delete-${id}`,
      annotations: secretsIn(annotations),
      // Put on by us, so that the driver's sidecar hears of the deletion however soon it comes.
      finalizers: [contentProtection],
    },
    spec: {
      deletionPolicy: 'Delete',
      driver,
      source: { snapshotHandle: handle },
      // Nobody makes this VolumeSnapshot: the sidecar deletes what is bound to none.
      volumeSnapshotRef: {
        apiVersion: apiVersionOf(VolumeSnapshotContents),
        kind: 'VolumeSnapshot',
        name: id,
        namespace: 'default',
      },
    },
  }
}

function secretsIn(annotations: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(annotations).filter(([key]) => key.includes('secret-name')))
}

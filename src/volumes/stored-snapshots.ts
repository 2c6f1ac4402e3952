import { createHash } from 'node:crypto'
import { CsiDrivers } from '#kube/core-types.ts'
import type { KubeClient } from '#kube/client.ts'
import { KubeError } from '#kube/error.ts'
import { apiVersionOf, type KubeObject, type ResourceType } from '#kube/object.ts'
import { groupTypesOf } from './group-types.ts'
import { endSpentContents } from './spent-contents.ts'
import {
  contentProtection,
  VolumeSnapshotClasses,
  VolumeSnapshotContents,
  type VolumeSnapshotContent,
} from './snapshot-types.ts'
import { contentToDelete, partGroups, type StoredGroup } from './stored-groups.ts'
import { unlessGone } from './unless-gone.ts'

/** A snapshot in the storage of which the cluster knows nothing any more. */
export interface StoredSnapshot {
  readonly driver: string
  readonly handle: string
  /** Of the content as it was; they name the secrets that the driver may need. */
  readonly annotations?: Readonly<Record<string, string>> | undefined
  /** The group that it is a member of: it goes with all of it. */
  readonly group?: StoredGroup | undefined
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
/** A sidecar that is there looks at a new content at once. */
const FIRST_LOOK_MS = 15_000

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
  const toGo = await contentsToGo(here, options)
  const ends = await Promise.all(toGo.map((one) => deleteContent(one, options)))
  const gone = toGo.filter((_, index) => ends[index] === undefined)
  const deleted = gone.flatMap((one) => one.snapshots)
  const problems = ends.filter((problem) => problem !== undefined)
  const spent = await endSpentContents(deleted, options)
  return { deleted: deleted.length, problems: [...problems, ...spent], unreachable }
}

/** A content that is made for what it deletes. */
interface ContentToGo {
  readonly type: ResourceType<DeletableContent>
  readonly content: DeletableContent
  /** Where the status says what the sidecar deletes, and the handle. */
  readonly named: readonly [field: 'snapshotHandle' | 'volumeGroupSnapshotHandle', handle: string]
  readonly driver: string
  /** What goes with it. */
  readonly snapshots: readonly StoredSnapshot[]
}

interface DeletableContent extends KubeObject {
  status?: {
    snapshotHandle?: string
    volumeGroupSnapshotHandle?: string
    error?: { message?: string } | null
  }
}

async function contentsToGo(
  snapshots: readonly StoredSnapshot[],
  { kube, signal }: StoredSnapshotOptions,
): Promise<ContentToGo[]> {
  const { singles, groups } = partGroups(snapshots)
  const types = groups.length === 0 ? undefined : groupTypesOf((await kube.discover({ signal })).types)
  // Where no groups are served, nobody knows of them.
  const single = (types === undefined ? snapshots : singles).map((snapshot): ContentToGo => {
    const { driver, handle } = snapshot
    const type = VolumeSnapshotContents
    const named = ['snapshotHandle', handle] as const
    return { type, content: contentFor(snapshot), named, driver, snapshots: [snapshot] }
  })
  if (types === undefined) return single
  const whole = groups.map((group): ContentToGo => {
    const { driver, handle } = group
    const named = ['volumeGroupSnapshotHandle', handle] as const
    const members = snapshots.filter((one) => one.driver === driver && one.group?.handle === handle)
    return { type: types.contents, content: contentToDelete(group, types), named, driver, snapshots: members }
  })
  return [...single, ...whole]
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

async function deleteContent(toGo: ContentToGo, options: StoredSnapshotOptions): Promise<string | undefined> {
  const { kube, patienceMillis = TWO_MINUTES_MS, signal } = options
  const { type, content, driver, snapshots } = toGo
  const which = `snapshot${snapshots.length === 1 ? '' : 's'} ${snapshots.map(({ handle }) => handle).join(', ')}`
  const started = performance.now()
  try {
    try {
      await kube.create(type, content, { signal })
    } catch (error) {
      if (!(error instanceof KubeError) || error.problem !== 'already-exists') throw error
    }
    await nameInStatus(toGo, options)
    const { name } = content.metadata
    await unlessGone(kube.delete(type, name, { signal }))
    const until = started + patienceMillis
    const left = await seenUntil(type, name, { kube, signal, until, isEnough: () => false })
    if (left === undefined) return undefined
    const said = left.status?.error?.message ?? 'nothing yet'
    const seconds = Math.round(patienceMillis / 1000)
    return `${which} cannot be deleted within ${seconds} s; driver ${driver} says: ${said}`
  } catch (error) {
    signal?.throwIfAborted()
    if (!(error instanceof KubeError) || error.problem === 'unreachable') throw error
    return `${which} cannot be deleted: ${error.message}`
  }
}

/**
 * A sidecar deletes what the status names, which it writes itself after its first look, or an error in place of all that is there. So it goes
 * first; only one that cannot look, or is not there, is helped.
 */
async function nameInStatus(
  { type, content, named: [field, handle] }: ContentToGo,
  { kube, patienceMillis = TWO_MINUTES_MS, signal }: StoredSnapshotOptions,
): Promise<void> {
  const { name } = content.metadata
  const until = performance.now() + Math.min(FIRST_LOOK_MS, patienceMillis / 2)
  const isEnough = ({ status }: DeletableContent): boolean =>
    status?.[field] !== undefined || status?.error?.message !== undefined
  const seen = await seenUntil(type, name, { kube, signal, until, isEnough })
  if (seen === undefined || seen.status?.[field] !== undefined) return
  const merge = { status: { [field]: handle } }
  await unlessGone(kube.patch(type, name, { merge }, { subresource: 'status', signal }))
}

interface Watching<T> {
  readonly kube: KubeClient
  readonly signal: AbortSignal | undefined
  /** By `performance.now()`. */
  readonly until: number
  readonly isEnough: (object: T) => boolean
}

/** The object as it is when it is enough or the time is over, undefined as soon as it is gone. */
async function seenUntil<T extends KubeObject>(
  type: ResourceType<T>,
  name: string,
  { kube, signal, until, isEnough }: Watching<T>,
): Promise<T | undefined> {
  let live = await kube.find(type, name, { signal })
  if (live === undefined || isEnough(live)) return live
  const over = AbortSignal.timeout(Math.max(1, Math.ceil(until - performance.now())))
  const watching = AbortSignal.any([over, ...(signal === undefined ? [] : [signal])])
  const { resourceVersion = '' } = live.metadata
  try {
    const fieldSelector = `metadata.name=${name}`
    for await (const event of kube.watch(type, { fieldSelector, resourceVersion, signal: watching })) {
      if (event.type === 'DELETED') return undefined
      if (event.type === 'BOOKMARK') continue
      live = event.object
      if (isEnough(live)) return live
    }
  } catch (error) {
    signal?.throwIfAborted()
    if (!over.aborted && !(error instanceof KubeError && error.problem === 'expired')) throw error
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

import { setTimeout as sleep } from 'node:timers/promises'
import type { KubeClient } from '#kube/client.ts'
import { KubeError } from '#kube/error.ts'
import { isMemberOf, orderedGroup, type GroupOrder } from './group-order.ts'
import { groupStep, type GroupSight } from './group-step.ts'
import { memberHandles, type GroupTypes, type VolumeGroupSnapshot } from './group-types.ts'
import { clockOf, limitsOf } from './snapshot-step.ts'
import { VolumeSnapshots, type VolumeSnapshot } from './snapshot-types.ts'

/** What came of a group. */
export type GroupEnd =
  | {
      readonly is: 'cut'
      /** With labels and annotations of the order; those of claims that nobody asked for are among them. */
      readonly members: readonly VolumeSnapshot[]
      /** Handles of all of them. */
      readonly handles: readonly string[]
    }
  | { readonly is: 'failed'; readonly reason: string }

export interface GroupRunOptions {
  readonly kube: KubeClient
  readonly types: GroupTypes
  /** Milliseconds in which every member has to have its snapshot. */
  readonly timeoutMillis: number
  /** An application stands still for it, so an error of the driver is not borne for long. */
  readonly hurried: boolean
  readonly now: () => Date
  readonly signal: AbortSignal
}

const LOOK_MS = 500

/**
 * Snapshots a group, or takes over what an earlier run has of it; ends when each member has its VolumeSnapshot, which may not be ready. Rejects
 * with the signal's reason only, and then no call is on its way.
 */
export async function cutGroup(order: GroupOrder, options: GroupRunOptions): Promise<GroupEnd> {
  const { now, signal } = options
  const limits = limitsOf(options)
  let sight: GroupSight = {
    group: undefined,
    made: false,
    members: [],
    refusal: undefined,
    since: now().getTime(),
    errorSince: undefined,
  }
  try {
    for (;;) {
      signal.throwIfAborted()
      sight = await look(sight, order, options)
      const step = groupStep(sight, order, { limits, now: now().getTime() })
      if (step.do === 'fail') return { is: 'failed', reason: step.reason }
      if (step.do === 'adopt') return await adopt(step.group, sight.members, { order, ...options })
      if (step.do === 'make') sight = await make(sight, order, options)
      else await sleep(LOOK_MS, undefined, { signal })
    }
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof KubeError)) throw error
    return { is: 'failed', reason: `it cannot be followed: ${error.message}` }
  }
}

async function look(
  sight: GroupSight,
  { namespace, name }: GroupOrder,
  { kube, types, now, signal }: GroupRunOptions,
): Promise<GroupSight> {
  const group = await kube.find(types.snapshots, name, { namespace, signal })
  if (group === undefined) return { ...sight, group, members: [] }
  const members: VolumeSnapshot[] = []
  for await (const { items } of kube.pages(VolumeSnapshots, { namespace, signal }))
    members.push(...items.filter((snapshot) => isMemberOf(snapshot, { namespace, name })))
  return { ...sight, group, made: true, members, ...clockOf(group, sight, now().getTime()) }
}

async function make(sight: GroupSight, order: GroupOrder, { kube, types }: GroupRunOptions): Promise<GroupSight> {
  const { namespace } = order
  try {
    // To its end in any case: whoever clears up afterwards must find it.
    const group = await kube.create(types.snapshots, orderedGroup(order, types), { namespace })
    return { ...sight, made: true, group }
  } catch (error) {
    if (!(error instanceof KubeError)) throw error
    // The next look tells.
    if (error.problem === 'already-exists' || error.problem === 'unreachable') return sight
    return { ...sight, refusal: `it cannot be made: ${error.message}` }
  }
}

/** Puts the marks of the order on every member, so that they are followed and found as any other snapshot of the run. */
async function adopt(
  group: VolumeGroupSnapshot,
  found: readonly VolumeSnapshot[],
  { order, kube, types, signal }: GroupRunOptions & { order: GroupOrder },
): Promise<GroupEnd> {
  const { namespace, labels, annotations } = order
  const merge = { metadata: { labels, annotations } }
  const members = await Promise.all(
    found.map(({ metadata }) => kube.patch(VolumeSnapshots, metadata.name, { merge }, { namespace })),
  )
  const contentName = group.status?.boundVolumeGroupSnapshotContentName ?? ''
  const content = await kube.get(types.contents, contentName, { signal })
  return { is: 'cut', members, handles: memberHandles(content) }
}

import { labelKeys, labelValue } from '#api/labels.ts'
import type { Restore } from '#api/restore.ts'
import type { RunLog } from '#archive/run-log.ts'
import type { KubeClient } from '#kube/client.ts'
import { KubeError } from '#kube/error.ts'
import { resourceName, type KubeObject } from '#kube/object.ts'
import type { GroupTypes, VolumeGroupSnapshotContent } from '#volumes/group-types.ts'
import { VolumeSnapshotContents, type VolumeSnapshotContent } from '#volumes/snapshot-types.ts'
import { storedGroupOf, stubContent, type DriverGroup } from '#volumes/stored-groups.ts'
import { unlessGone } from '#volumes/unless-gone.ts'
import type { SnapshotTarget } from './claimed-snapshots.ts'

/** A group of which a snapshot comes back. */
export interface RestoredGroup extends DriverGroup {
  readonly types: GroupTypes
  readonly restoreId: string
  /** Of the snapshot, in the target. */
  readonly namespace: string
}

/** Undefined for what is no member of a group, and where groups are not served. */
export function restoredGroupOf(
  { archived, desired }: { archived: KubeObject; desired: KubeObject },
  target: SnapshotTarget | undefined,
): RestoredGroup | undefined {
  if (target?.groupTypes === undefined || archived.kind !== VolumeSnapshotContents.kind) return undefined
  const content: VolumeSnapshotContent = archived
  const group = storedGroupOf(content)
  const driver = content.spec?.driver
  if (group === undefined || driver === undefined) return undefined
  const ref = (desired as VolumeSnapshotContent).spec?.volumeSnapshotRef
  const namespace = typeof ref?.['namespace'] === 'string' ? ref['namespace'] : ''
  const { annotations = {} } = content.metadata
  const { groupTypes: types, context } = target
  return { ...group, driver, annotations, types, restoreId: context.restoreId, namespace }
}

/** What stands for groups while their members are restored: without it the snapshot controller says nothing about those that a driver calls members. */
export interface GroupStubs extends AsyncDisposable {
  /** Once for each group; one that cannot be had is a warning in the log, since few drivers ask for it. */
  standFor(groups: ReadonlyMap<string, RestoredGroup>): Promise<void>
}

export interface GroupStubOptions {
  readonly restore: Restore
  readonly kube: KubeClient
  readonly log: RunLog
  readonly signal?: AbortSignal | undefined
}

/** None yet; dispose takes them away. */
export function openGroupStubs({ restore, kube, log, signal }: GroupStubOptions): GroupStubs {
  const known = new Map<string, { types: GroupTypes; content: VolumeGroupSnapshotContent }>()
  const labels = { [labelKeys.restoreName]: labelValue(restore.metadata.name) }
  const warn = (
    message: string,
    { types, content }: { types: GroupTypes; content: KubeObject },
    error: unknown,
  ): void => {
    if (!(error instanceof KubeError)) throw error
    const fields = { resource: resourceName(types.contents), name: content.metadata.name }
    log.warning(message, { ...fields, error: error.message })
  }
  return {
    async standFor(groups) {
      if (groups.size === known.size) return
      for (const [handle, group] of groups) {
        if (known.has(handle)) continue
        const { types, restoreId, namespace } = group
        const content = stubContent(group, types, { restoreId, namespace, labels })
        known.set(handle, { types, content })
        try {
          await standIn(content, group, { kube, signal })
        } catch (error) {
          warn('No object stands for a volume group, which its snapshots may need', { types, content }, error)
        }
      }
    },
    async [Symbol.asyncDispose]() {
      for (const { types, content } of known.values()) {
        try {
          await unlessGone(kube.delete(types.contents, content.metadata.name, {}))
        } catch (error) {
          warn('What stood for a volume group stays in the cluster', { types, content }, error)
        }
      }
    },
  }
}

async function standIn(
  content: VolumeGroupSnapshotContent,
  { types, handle }: RestoredGroup,
  { kube, signal }: Pick<GroupStubOptions, 'kube' | 'signal'>,
): Promise<void> {
  try {
    await kube.create(types.contents, content, { signal })
  } catch (error) {
    // Of an earlier run of this restore.
    if (!(error instanceof KubeError) || error.problem !== 'already-exists') throw error
  }
  const merge = { status: { volumeGroupSnapshotHandle: handle } }
  await unlessGone(kube.patch(types.contents, content.metadata.name, { merge }, { subresource: 'status', signal }))
}

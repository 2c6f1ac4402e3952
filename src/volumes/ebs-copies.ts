import type { Snapshot } from '@aws-sdk/client-ec2'
import type { Ec2 } from './ebs-client.ts'
import { completedSnapshot, snapshotsWith, tagging } from './ebs-snapshots.ts'
import { SnapshotError } from './snapshotter.ts'

/** Where copies of snapshots go. */
export interface CopyTarget {
  readonly region: string
  /** The key of KMS that copies are encrypted with; without it those of encrypted snapshots get the default key of the region. */
  readonly kmsKeyId?: string | undefined
}

/** Ours, on a copy: the snapshot it is of. By it a restore in the other region finds the copy, and a deletion takes it along. */
export const copyTag = 'lifeboat.dev/copy-of'

const POLL_MS = 2_000
/** A first snapshot copies the whole volume: four hours. */
const SNAPSHOT_POLLS = 7_200
const TURN_MS = 5_000

/** Begins a copy of `snapshotId`, which is `here`, when its data are complete; resolves when the other region has taken the order. A copy that is there is enough. */
export async function copySnapshot(
  snapshotId: string,
  { here, there, target, signal }: { here: Ec2; there: Ec2; target: CopyTarget; signal: AbortSignal | undefined },
): Promise<void> {
  const snapshot = await completedSnapshot(here, snapshotId, { polls: SNAPSHOT_POLLS, pollMillis: POLL_MS, signal })
  if ((await copiesOf(there, snapshotId, signal)).length > 0) return
  const { kmsKeyId, region } = target
  const order = {
    SourceRegion: here.region,
    SourceSnapshotId: snapshotId,
    Description: `Copy of ${snapshotId} in ${here.region}`,
    ...(kmsKeyId && { KmsKeyId: kmsKeyId, Encrypted: true }),
    ...tagging('snapshot', [...ownTags(snapshot), { Key: copyTag, Value: snapshotId }]),
  }
  for (let tries = 0; ; tries += 1) {
    try {
      await there.ask(
        `copy snapshot ${snapshotId} to ${region}`,
        (client, options) => client.send(new there.sdk.CopySnapshotCommand(order), options),
        signal,
      )
      return
    } catch (error) {
      // A region makes twenty copies at a time.
      const waits = error instanceof SnapshotError && (error.problem === 'quota' || error.problem === 'busy')
      if (!waits || tries * TURN_MS > SNAPSHOT_POLLS * POLL_MS) throw error
      await there.pause(TURN_MS, signal)
    }
  }
}

/** Ids of the copies of a snapshot in a region. */
export async function copiesOf(ec2: Ec2, snapshotId: string, signal: AbortSignal | undefined): Promise<string[]> {
  return await snapshotsWith(ec2, { [copyTag]: snapshotId }, signal)
}

function ownTags({ Tags = [] }: Snapshot) {
  return Tags.filter(({ Key = '' }) => !Key.startsWith('aws:') && Key !== copyTag)
}

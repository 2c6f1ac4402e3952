import type { Snapshot, Tag } from '@aws-sdk/client-ec2'
import type { Ec2 } from './ebs-client.ts'
import { SnapshotError } from './snapshotter.ts'

async function snapshotOf(ec2: Ec2, id: string, signal: AbortSignal | undefined): Promise<Snapshot> {
  const { Snapshots: [snapshot] = [] } = await ec2.ask(
    `look at snapshot ${id}`,
    (client, options) => client.send(new ec2.sdk.DescribeSnapshotsCommand({ SnapshotIds: [id] }), options),
    signal,
  )
  if (snapshot !== undefined) return snapshot
  throw new SnapshotError(
    'missing',
    `there is no snapshot ${id} in this region: somebody deleted it, or the region of the location is another one`,
  )
}

/** Ids of the account's snapshots that carry all of these tags. */
export async function snapshotsWith(
  ec2: Ec2,
  tags: Readonly<Record<string, string>>,
  signal: AbortSignal | undefined,
): Promise<string[]> {
  const Filters = Object.entries(tags).map(([key, value]) => ({ Name: `tag:${key}`, Values: [value] }))
  const found: string[] = []
  let NextToken: string | undefined
  do {
    const input = { OwnerIds: ['self'], Filters, ...(NextToken && { NextToken }) }
    const page = await ec2.ask(
      'list snapshots',
      (client, options) => client.send(new ec2.sdk.DescribeSnapshotsCommand(input), options),
      signal,
    )
    found.push(...(page.Snapshots ?? []).flatMap(({ SnapshotId }) => SnapshotId ?? []))
    NextToken = page.NextToken
  } while (NextToken)
  return found
}

/** The snapshot when its data are there. Rejects with SnapshotError 'busy' when they are not after so many polls. */
export async function completedSnapshot(
  ec2: Ec2,
  id: string,
  { polls: most, pollMillis, signal }: { polls: number; pollMillis: number; signal: AbortSignal | undefined },
): Promise<Snapshot> {
  for (let polls = 0; ; polls += 1) {
    const snapshot = await snapshotOf(ec2, id, signal)
    if (snapshot.State !== 'pending' && snapshot.State !== 'error') return snapshot
    if (snapshot.State === 'error') {
      throw new SnapshotError(
        'invalid',
        `AWS could not complete snapshot ${id} (${snapshot.StateMessage || 'no reason given'}): its data are lost`,
      )
    }
    if (polls === most) {
      throw new SnapshotError(
        'busy',
        `snapshot ${id} is ${snapshot.Progress ?? 'not'} complete after ${Math.round((most * pollMillis) / 60_000)} minutes: try again later`,
      )
    }
    await ec2.pause(pollMillis, signal)
  }
}

/** The part of a request that tags what it makes; AWS refuses an empty list. */
export function tagging(ResourceType: 'snapshot' | 'volume', Tags: Tag[]) {
  return Tags.length === 0 ? {} : { TagSpecifications: [{ ResourceType, Tags }] }
}

import type { Snapshot, Tag, Volume, VolumeType } from '@aws-sdk/client-ec2'
import { openEc2, type Ec2, type EbsSettings } from './ebs-client.ts'
import { ebsVolumeId, withEbsVolume } from './ebs-pv.ts'
import {
  SnapshotError,
  type SnapshotOrder,
  type VolumeFeatures,
  type VolumeOrder,
  type VolumeSnapshotter,
} from './snapshotter.ts'

/** Volume types whose IOPS somebody has chosen, so that they are wanted again. Velero records them for these only. */
const provisioned: readonly string[] = ['io1', 'io2']

/** gp3 volumes have chosen numbers too, but no place in Velero's record: the snapshot keeps them as tags. */
const iopsTag = 'lifeboat.dev/iops'
const throughputTag = 'lifeboat.dev/throughput'

/** Snapshots of EBS volumes in one region (spec/volumes §2). No request is made here; rejects with SnapshotError 'invalid' or 'denied' for settings that cannot work. */
export async function ebsSnapshotter(settings: EbsSettings): Promise<VolumeSnapshotter> {
  const ec2 = await openEc2(settings)
  const { zones = {}, env } = settings
  return {
    volumeId: ebsVolumeId,
    withVolume: withEbsVolume,
    zoneFor: (zone) => (Object.hasOwn(zones, zone) ? (zones[zone] ?? zone) : zone),
    async features(volumeId, signal) {
      const { VolumeType: type = '', Iops } = await volumeOf(ec2, volumeId, signal)
      return { type, iops: provisioned.includes(type) ? Iops : undefined }
    },
    take: (order) => takeSnapshot(ec2, order),
    tagged: (tags, signal) => snapshotsWith(ec2, tags, signal),
    restore: (order) => restoreVolume(ec2, order, env['AWS_CLUSTER_NAME']),
    delete: (snapshotId, signal) =>
      unlessMissing(() =>
        ec2.ask(
          `delete snapshot ${snapshotId}`,
          (client, options) => client.send(new ec2.sdk.DeleteSnapshotCommand({ SnapshotId: snapshotId }), options),
          signal,
        ),
      ),
    discard: (volumeId, signal) =>
      unlessMissing(() =>
        ec2.ask(
          `delete volume ${volumeId}`,
          (client, options) => client.send(new ec2.sdk.DeleteVolumeCommand({ VolumeId: volumeId }), options),
          signal,
        ),
      ),
    close: () => ec2.close(),
  }
}

async function unlessMissing(work: () => Promise<unknown>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!(error instanceof SnapshotError && error.problem === 'missing')) throw error
  }
}

async function volumeOf(ec2: Ec2, id: string, signal: AbortSignal | undefined): Promise<Volume> {
  const { Volumes: [volume] = [] } = await ec2.ask(
    `look at volume ${id}`,
    (client, options) => client.send(new ec2.sdk.DescribeVolumesCommand({ VolumeIds: [id] }), options),
    signal,
  )
  if (volume !== undefined) return volume
  throw new SnapshotError('missing', `there is no volume ${id} in this region: check the region of the location`)
}

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

async function takeSnapshot(ec2: Ec2, { volumeId, tags, signal }: SnapshotOrder): Promise<string> {
  const volume = await volumeOf(ec2, volumeId, signal)
  const { SnapshotId } = await ec2.ask(
    `take a snapshot of volume ${volumeId}`,
    (client, options) =>
      client.send(
        new ec2.sdk.CreateSnapshotCommand({
          VolumeId: volumeId,
          ...tagging('snapshot', snapshotTags(volume, tags)),
        }),
        options,
      ),
    signal,
  )
  return SnapshotId ?? ''
}

/** Those of the backup, and of the volume what the backup does not say itself; AWS keeps `aws:` to itself. */
function snapshotTags({ Tags = [], VolumeType: type, Iops, Throughput }: Volume, tags: SnapshotOrder['tags']): Tag[] {
  const chosen = type === 'gp3' ? { [iopsTag]: Iops, [throughputTag]: Throughput } : {}
  const features = Object.entries(chosen).flatMap(([Key, value]) =>
    value === undefined ? [] : [{ Key, Value: String(value) }],
  )
  const own = [...Object.entries(tags).map(([Key, Value]) => ({ Key, Value })), ...features]
  const taken = new Set(own.map(({ Key }) => Key))
  const inherited = Tags.filter(({ Key = '' }) => !Key.startsWith('aws:') && !taken.has(Key))
  return [...own, ...inherited]
}

async function snapshotsWith(
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

const POLL_MS = 2_000
/** AWS makes a volume in seconds. One that takes longer may come all the same: whoever mounts it waits. */
const VOLUME_POLLS = 30
/** A first snapshot copies the whole volume, which may take hours; so long, and a restore says so. */
const SNAPSHOT_POLLS = 300

async function restoreVolume(ec2: Ec2, order: VolumeOrder, clusterName: string | undefined): Promise<string> {
  const { snapshotId, zone, signal } = order
  const snapshot = await completed(ec2, snapshotId, signal)
  if (zone === '') {
    throw new SnapshotError(
      'invalid',
      `cannot make a volume from snapshot ${snapshotId}: the backup does not say in which zone it was`,
    )
  }
  const { VolumeId = '' } = await ec2.ask(
    `make a volume from snapshot ${snapshotId} in ${zone}`,
    (client, options) =>
      client.send(
        new ec2.sdk.CreateVolumeCommand({
          SnapshotId: snapshotId,
          AvailabilityZone: zone,
          ClientToken: order.token,
          Encrypted: snapshot.Encrypted,
          ...featuresOf(order, snapshot),
          ...tagging('volume', volumeTags(snapshot, clusterName)),
        }),
        options,
      ),
    signal,
  )
  await usable(ec2, VolumeId, { snapshotId, signal })
  return VolumeId
}

function featuresOf({ type, iops }: VolumeFeatures, snapshot: Snapshot) {
  const tagged = (key: string): number | undefined => Number(valueOf(snapshot, key)) || undefined
  const Iops = provisioned.includes(type) ? iops : type === 'gp3' ? tagged(iopsTag) : undefined
  const Throughput = type === 'gp3' ? tagged(throughputTag) : undefined
  return {
    ...(type && { VolumeType: type as VolumeType }),
    ...(Iops === undefined ? {} : { Iops }),
    ...(Throughput === undefined ? {} : { Throughput }),
  }
}

const clusterTag = 'kubernetes.io/cluster/'
const oldClusterTag = 'KubernetesCluster'

/** Those of the snapshot, but that the volume belongs to the cluster it is made for. */
function volumeTags({ Tags = [] }: Snapshot, clusterName: string | undefined): Tag[] {
  const carried = Tags.filter(({ Key = '' }) => {
    if (Key.startsWith('aws:') || Key === iopsTag || Key === throughputTag) return false
    return !clusterName || !(Key.startsWith(clusterTag) || Key === oldClusterTag)
  })
  const owner = clusterName
    ? [
        { Key: `${clusterTag}${clusterName}`, Value: 'owned' },
        { Key: oldClusterTag, Value: clusterName },
      ]
    : []
  return [...carried, ...owner]
}

/** AWS refuses an empty list. */
function tagging(ResourceType: 'snapshot' | 'volume', Tags: Tag[]) {
  return Tags.length === 0 ? {} : { TagSpecifications: [{ ResourceType, Tags }] }
}

/** The snapshot when its data are there. */
async function completed(ec2: Ec2, id: string, signal: AbortSignal | undefined): Promise<Snapshot> {
  for (let polls = 0; ; polls += 1) {
    const snapshot = await snapshotOf(ec2, id, signal)
    if (snapshot.State !== 'pending' && snapshot.State !== 'error') return snapshot
    if (snapshot.State === 'error') {
      throw new SnapshotError(
        'invalid',
        `AWS could not complete snapshot ${id} (${snapshot.StateMessage || 'no reason given'}): its data are lost`,
      )
    }
    if (polls === SNAPSHOT_POLLS) {
      throw new SnapshotError(
        'busy',
        `snapshot ${id} is ${snapshot.Progress ?? 'not'} complete after ten minutes: restore again later`,
      )
    }
    await ec2.pause(POLL_MS, signal)
  }
}

/** A key of KMS that cannot be used, say, shows only when the volume is being made. */
async function usable(
  ec2: Ec2,
  id: string,
  { snapshotId, signal }: { snapshotId: string; signal: AbortSignal | undefined },
): Promise<void> {
  for (let polls = 0; polls < VOLUME_POLLS; polls += 1) {
    const state = await stateOf(ec2, id, signal)
    if (state === 'error' || state === 'deleted') {
      throw new SnapshotError(
        'denied',
        `AWS could not make volume ${id} from snapshot ${snapshotId}: often a KMS key that the role may not use`,
      )
    }
    if (state !== 'creating') return
    await ec2.pause(POLL_MS, signal)
  }
}

async function stateOf(ec2: Ec2, id: string, signal: AbortSignal | undefined): Promise<string> {
  try {
    return (await volumeOf(ec2, id, signal)).State ?? ''
  } catch (error) {
    // New volumes are not known everywhere at once; one that failed is not known any more.
    if (error instanceof SnapshotError && error.problem === 'missing') return 'creating'
    throw error
  }
}

function valueOf({ Tags = [] }: Snapshot, key: string): string | undefined {
  return Tags.find((tag) => tag.Key === key)?.Value
}

import type { Snapshot, Tag, Volume, VolumeType } from '@aws-sdk/client-ec2'
import { copiesOf, copySnapshot, copyTag } from './ebs-copies.ts'
import { openEc2, type Ec2, type EbsSettings } from './ebs-client.ts'
import { ebsVolumeId, withEbsVolume } from './ebs-pv.ts'
import { completedSnapshot, snapshotsWith, tagging } from './ebs-snapshots.ts'
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
  const { copy: target, config } = settings
  const ec2 = await openEc2(settings)
  const there = target && (await openEc2({ ...settings, config: { ...config, region: target.region } }))
  return {
    volumeId: ebsVolumeId,
    withVolume: withEbsVolume,
    zoneFor: (zone) => zoneIn(ec2.region, zone, settings.zones),
    async features(volumeId, signal) {
      const { VolumeType: type = '', Iops } = await volumeOf(ec2, volumeId, signal)
      return { type, iops: provisioned.includes(type) ? Iops : undefined }
    },
    take: (order) => takeSnapshot(ec2, order),
    copy: target && there && ((id, signal) => copySnapshot(id, { here: ec2, there, target, signal })),
    tagged: (tags, signal) => snapshotsWith(ec2, tags, signal),
    restore: (order) => restoreVolume(ec2, order, settings),
    async delete(snapshotId, signal) {
      // The copies first: as long as the snapshot is there, somebody knows of them.
      for (const copy of there === undefined ? [] : await copiesOf(there, snapshotId, signal))
        await deleteSnapshot(there!, copy, signal)
      if (await deleteSnapshot(ec2, snapshotId, signal)) return
      for (const copy of await copiesOf(ec2, snapshotId, signal)) await deleteSnapshot(ec2, copy, signal)
    },
    async discard(volumeId, signal) {
      await unlessMissing(() =>
        ec2.ask(
          `delete volume ${volumeId}`,
          (client, options) => client.send(new ec2.sdk.DeleteVolumeCommand({ VolumeId: volumeId }), options),
          signal,
        ),
      )
    },
    async close() {
      await ec2.close()
      await there?.close()
    },
  }
}

/** Where volumes of `zone` are made in a region; a zone of another region has its namesake there, unless `zones` says otherwise. */
function zoneIn(region: string, zone: string, zones: EbsSettings['zones'] = {}): string {
  const named = Object.hasOwn(zones, zone) ? zones[zone] : undefined
  if (named !== undefined) return named
  const [, of, letter] = /^([a-z]+(?:-[a-z]+)+-\d+)([a-z])$/.exec(zone) ?? []
  return of === undefined || of === region ? zone : `${region}${letter}`
}

/** False when there was none. */
async function deleteSnapshot(ec2: Ec2, id: string, signal: AbortSignal | undefined): Promise<boolean> {
  return await unlessMissing(() =>
    ec2.ask(
      `delete snapshot ${id}`,
      (client, options) => client.send(new ec2.sdk.DeleteSnapshotCommand({ SnapshotId: id }), options),
      signal,
    ),
  )
}

/** False when it is missing. */
async function unlessMissing(work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work()
    return true
  } catch (error) {
    if (!(error instanceof SnapshotError && error.problem === 'missing')) throw error
    return false
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

const POLL_MS = 2_000
/** AWS makes a volume in seconds. One that takes longer may come all the same: whoever mounts it waits. */
const VOLUME_POLLS = 30
/** A first snapshot copies the whole volume, which may take hours; so long, and a restore says so. */
const SNAPSHOT_POLLS = 300

async function restoreVolume(ec2: Ec2, order: VolumeOrder, { env, kmsKeyId }: EbsSettings): Promise<string> {
  const { zone, signal } = order
  const snapshot = await snapshotHere(ec2, order.snapshotId, signal)
  const { SnapshotId: snapshotId = order.snapshotId } = snapshot
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
          ...(kmsKeyId && { KmsKeyId: kmsKeyId, Encrypted: true }),
          ...featuresOf(order, snapshot),
          ...tagging('volume', volumeTags(snapshot, env['AWS_CLUSTER_NAME'])),
        }),
        options,
      ),
    signal,
  )
  await usable(ec2, VolumeId, { snapshotId, signal })
  return VolumeId
}

/** The snapshot when its data are there, or in another region than its own the copy of it. */
async function snapshotHere(ec2: Ec2, id: string, signal: AbortSignal | undefined): Promise<Snapshot> {
  const patience = { polls: SNAPSHOT_POLLS, pollMillis: POLL_MS, signal }
  try {
    return await completedSnapshot(ec2, id, patience)
  } catch (error) {
    if (!(error instanceof SnapshotError && error.problem === 'missing')) throw error
    const [copy] = await copiesOf(ec2, id, signal)
    if (copy === undefined) throw error
    return await completedSnapshot(ec2, copy, patience)
  }
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
    if (Key.startsWith('aws:') || Key === iopsTag || Key === throughputTag || Key === copyTag) return false
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

import { setTimeout as sleep } from 'node:timers/promises'
import { status } from '@grpc/grpc-js'
import { CsiError, required } from './csi-error.ts'
import type { Faults } from './faults.ts'
import type { Pool } from './pool.ts'
import { idOf, type Records, type SnapshotRecord, type VolumeRecord } from './records.ts'

/** What the services of the driver share. */
export interface Storage {
  pool: Pool
  volumes: Records<VolumeRecord>
  snapshots: Records<SnapshotRecord>
  faults: Faults
}

interface Capability {
  block?: object | null
  mount?: object | null
}

interface CreateVolume {
  name: string
  capacityRange: { requiredBytes: number; limitBytes: number } | null
  volumeCapabilities: Capability[]
  volumeContentSource: { snapshot?: { snapshotId: string } | null; volume?: { volumeId: string } | null } | null
}

const defaultBytes = 1024 ** 3

/** Creates a volume, empty or from a snapshot or another volume. The same request again gives the same volume. */
export async function createVolume({ pool, volumes, ...storage }: Storage, request: CreateVolume): Promise<object> {
  const name = required(request.name, 'name')
  requireMounts(request.volumeCapabilities)
  const size = sizeOf(request.capacityRange)
  const source = sourceOf(request)
  const id = idOf('vol', name)
  const known = await volumes.find(id)
  if (known !== undefined) {
    const same = JSON.stringify(known.source) === JSON.stringify(source) && fits(known.size, request.capacityRange)
    if (!same) throw new CsiError(status.ALREADY_EXISTS, `volume ${name} is there, and not as asked for`)
    return { volume: volumeMessage(known) }
  }
  const from = source && ('snapshot' in source ? source.snapshot : source.volume)
  if (source !== undefined && from !== undefined) {
    const origin = await ('snapshot' in source ? storage.snapshots.find(from) : volumes.find(from))
    if (origin === undefined) throw new CsiError(status.NOT_FOUND, `there is no ${from} to make volume ${name} from`)
    const { error } = 'snapshot' in source ? await storage.faults.of(from) : {}
    if (error !== undefined) throw new CsiError(status.INTERNAL, error)
    await pool.copy(from, id)
  } else {
    await pool.create(id)
  }
  const record: VolumeRecord = { id, name, size, source }
  await volumes.put(record)
  return { volume: volumeMessage(record) }
}

/** Deletes a volume; one that is not there is deleted already. */
export async function deleteVolume({ pool, volumes }: Storage, request: { volumeId: string }): Promise<object> {
  const id = required(request.volumeId, 'volume id')
  if ((await volumes.find(id)) === undefined) return {}
  await pool.remove(id)
  await volumes.remove(id)
  return {}
}

/** Says that a volume can be used as asked, which is so for all but block devices. */
export async function validateCapabilities(
  { volumes }: Storage,
  request: { volumeId: string; volumeCapabilities: Capability[] },
): Promise<object> {
  const id = required(request.volumeId, 'volume id')
  const { volumeCapabilities } = request
  required(volumeCapabilities, 'capabilities')
  if ((await volumes.find(id)) === undefined) throw new CsiError(status.NOT_FOUND, `there is no volume ${id}`)
  return volumeCapabilities.some(isBlock)
    ? { message: 'block devices are not served' }
    : { confirmed: { volumeCapabilities } }
}

/** Cuts a snapshot, as far as the faults of its volume let it. The same request again tells how it is by now. */
export async function createSnapshot(
  storage: Storage,
  request: { name: string; sourceVolumeId: string },
): Promise<object> {
  const name = required(request.name, 'name')
  const volume = required(request.sourceVolumeId, 'source volume id')
  const known = await storage.snapshots.find(idOf('snap', name))
  if (known !== undefined && known.volume !== volume) {
    throw new CsiError(status.ALREADY_EXISTS, `snapshot ${name} is there, of volume ${known.volume}`)
  }
  const record = known ?? (await cut(storage, { name, volume }))
  return { snapshot: await snapshotMessage(storage, record) }
}

/** Cuts a snapshot of `volume` now. */
export async function cut(
  { pool, volumes, snapshots, faults }: Storage,
  { name, volume, group }: { name: string; volume: string; group?: string },
): Promise<SnapshotRecord> {
  const origin = await volumes.find(volume)
  if (origin === undefined) throw new CsiError(status.NOT_FOUND, `there is no volume ${volume}`)
  const { error, takesMs = 0, readyAfterMs = 0 } = await faults.of(volume)
  if (error !== undefined) throw new CsiError(status.INTERNAL, error)
  await sleep(takesMs)
  const id = idOf('snap', name)
  await pool.copy(volume, id)
  const created = new Date()
  const ready = readyAfterMs === 'never' ? undefined : new Date(created.getTime() + readyAfterMs).toISOString()
  const record = { id, name, volume, size: origin.size, created: created.toISOString(), ready, group }
  await snapshots.put(record)
  return record
}

/** Deletes a snapshot; one that is not there is deleted already. */
export async function deleteSnapshot({ pool, snapshots }: Storage, request: { snapshotId: string }): Promise<object> {
  const id = required(request.snapshotId, 'snapshot id')
  if ((await snapshots.find(id)) !== undefined) await pool.remove(id)
  await snapshots.remove(id)
  return {}
}

/** Lists snapshots, of one id or volume if asked for, in pages. */
export async function listSnapshots(
  storage: Storage,
  request: { maxEntries: number; startingToken: string; sourceVolumeId: string; snapshotId: string },
): Promise<object> {
  const { maxEntries, startingToken, sourceVolumeId, snapshotId } = request
  const all = (await storage.snapshots.list()).filter(
    ({ id, volume }) =>
      (snapshotId === '' || id === snapshotId) && (sourceVolumeId === '' || volume === sourceVolumeId),
  )
  const start = startingToken === '' ? 0 : Number(startingToken)
  if (!Number.isInteger(start) || start > all.length) throw new CsiError(status.ABORTED, 'the token is not one of ours')
  const end = maxEntries > 0 ? start + maxEntries : all.length
  const entries = await Promise.all(
    all.slice(start, end).map(async (record) => ({ snapshot: await snapshotMessage(storage, record) })),
  )
  return { entries, nextToken: end < all.length ? String(end) : '' }
}

/** A snapshot as the interface describes it, ready or not as of now. */
export async function snapshotMessage({ faults }: Storage, record: SnapshotRecord): Promise<object> {
  const stuck = (await faults.of(record.volume)).readyAfterMs === 'never'
  const ready = record.ready === undefined ? !stuck : Date.parse(record.ready) <= Date.now()
  const created = Date.parse(record.created)
  return {
    snapshotId: record.id,
    sourceVolumeId: record.volume,
    sizeBytes: record.size,
    creationTime: { seconds: Math.floor(created / 1000), nanos: (created % 1000) * 1_000_000 },
    readyToUse: ready,
    groupSnapshotId: record.group ?? '',
  }
}

function volumeMessage({ id, size, source }: VolumeRecord): object {
  const contentSource =
    source === undefined
      ? undefined
      : 'snapshot' in source
        ? { snapshot: { snapshotId: source.snapshot } }
        : { volume: { volumeId: source.volume } }
  return { volumeId: id, capacityBytes: size, contentSource }
}

function requireMounts(capabilities: Capability[]): void {
  if (required(capabilities, 'capabilities').some(isBlock)) {
    throw new CsiError(status.INVALID_ARGUMENT, 'block devices are not served')
  }
}

function isBlock({ block }: Capability): boolean {
  return block !== undefined && block !== null
}

function sizeOf(range: CreateVolume['capacityRange']): number {
  const { requiredBytes = 0, limitBytes = 0 } = range ?? {}
  if (limitBytes > 0 && requiredBytes > limitBytes)
    throw new CsiError(status.OUT_OF_RANGE, 'the limit is below the size')
  return requiredBytes || Math.min(defaultBytes, limitBytes || defaultBytes)
}

function fits(size: number, range: CreateVolume['capacityRange']): boolean {
  const { requiredBytes = 0, limitBytes = 0 } = range ?? {}
  return size >= requiredBytes && (limitBytes === 0 || size <= limitBytes)
}

function sourceOf({ volumeContentSource: source }: CreateVolume): VolumeRecord['source'] {
  if (source?.snapshot) return { snapshot: required(source.snapshot.snapshotId, 'snapshot id') }
  if (source?.volume) return { volume: required(source.volume.volumeId, 'volume id') }
  return undefined
}

import { z } from 'zod'
import { fields, secretKey, textMap } from './fields.ts'
import type { CustomObject, Kind } from './kind.ts'
import { defineKind } from './kind.ts'

/** `spec` of a VolumeSnapshotLocation. */
export const volumeSnapshotLocationSpec = fields({
  provider: z.string(),
  config: textMap,
  credential: secretKey.optional(),
})

/** `status` of a VolumeSnapshotLocation; Velero never writes it. */
export const volumeSnapshotLocationStatus = fields({
  phase: z.enum(['Available', 'Unavailable']).optional(),
})

/** Which provider takes native snapshots, and how to reach it. */
export type VolumeSnapshotLocationSpec = z.output<typeof volumeSnapshotLocationSpec>

/** Whether the provider could be reached. */
export type VolumeSnapshotLocationStatus = z.output<typeof volumeSnapshotLocationStatus>

/** A place where native volume snapshots are kept. */
export type VolumeSnapshotLocation = CustomObject<VolumeSnapshotLocationSpec, VolumeSnapshotLocationStatus>

/** The type of VolumeSnapshotLocation objects. */
export const VolumeSnapshotLocations: Kind<VolumeSnapshotLocation> = defineKind({
  version: 'v1',
  kind: 'VolumeSnapshotLocation',
  plural: 'volumesnapshotlocations',
  shortNames: ['vsl'],
  spec: volumeSnapshotLocationSpec,
  status: volumeSnapshotLocationStatus,
})

import type { Backup } from '#api/backup.ts'
import { annotationKeys } from '#api/labels.ts'
import type { KubeObject } from '#kube/object.ts'
import { matchVolumePolicy, volumeFacts } from '#selection/volume-policies.ts'
import type { VolumePolicy } from '#selection/resource-policies.ts'
import { listOf, objectOf, textOf } from './json.ts'
import { chooseSnapshotClass } from './snapshot-class.ts'

/** How the data of a volume get into a backup, or why they do not. */
export type VolumeProtection =
  | {
      readonly by: 'csi-snapshot'
      readonly driver: string
      readonly snapshotClass: string
      /** Of that class, and so of what is made with it. */
      readonly deletionPolicy: string
    }
  /** By whichever VolumeSnapshotLocation knows the volume. */
  | { readonly by: 'native-snapshot' }
  | Unprotected

/** The data stay out. */
export interface Unprotected {
  readonly by: 'nothing'
  readonly reason: UnprotectedReason
  /** What would have taken them, in Velero's words. */
  readonly approach: 'podvolume' | 'csiSnapshot' | 'volumeSnapshot' | 'any'
  /** `error`: somebody asked for them; `warning`: nobody said that they may stay out; `info`: they are meant to. */
  readonly severity: 'info' | 'warning' | 'error'
  /** The reason as a part of a sentence, for people. */
  readonly text: string
}

/** Why the data of a volume stay out of a backup. */
export type UnprotectedReason =
  | 'policy-skip'
  | 'policy-custom'
  | 'snapshots-off'
  | 'claim-pending'
  | 'claim-lost'
  | 'volume-missing'
  | 'file-copy'
  | 'data-movement'
  | 'no-snapshots'
  | 'no-snapshot-class'
  | 'several-snapshot-classes'
  | 'not-known'

/** What decides about one volume. */
export interface VolumeQuestion {
  /** Absent for a volume that nobody claims. */
  readonly claim?: KubeObject | undefined
  /** The PersistentVolume; absent when there is none. */
  readonly volume?: KubeObject | undefined
  /** Pods that mount the claim. */
  readonly pods: readonly KubeObject[]
  readonly backup: Backup
  readonly policies: readonly VolumePolicy[]
  /** Undefined when the cluster knows no CSI snapshots. */
  readonly snapshotClasses: readonly KubeObject[] | undefined
}

/** Decides by Velero's rules (spec/backup §6). Policies first, then what pods want copied, then `snapshotVolumes`. */
export function protectVolume(question: VolumeQuestion): VolumeProtection {
  const { claim, volume, pods, backup, policies } = question
  const action = matchVolumePolicy(policies, volumeFacts({ claim, volume }))?.type
  switch (action) {
    case 'skip':
      return leave('policy-skip', { approach: 'any', text: 'a volume policy skips it' })
    case 'custom':
      return leave('policy-custom', { approach: 'any', text: 'a volume policy leaves it to a plug-in' })
    case 'fs-backup':
      return fileCopy('a volume policy')
    case 'snapshot':
      return unboundReason(question) ?? snapshot(question, true)
    case undefined:
      break
  }
  const unbound = unboundReason(question)
  if (unbound !== undefined) return unbound
  const byFiles = pods.find((pod) => copiesFiles(pod, claim, backup.spec.defaultVolumesToFsBackup === true))
  if (byFiles !== undefined) return fileCopy(`pod ${byFiles.metadata.name}`)
  const { snapshotVolumes } = backup.spec
  if (snapshotVolumes === false)
    return leave('snapshots-off', { approach: 'any', text: 'snapshotVolumes of the backup is false' })
  return snapshot(question, snapshotVolumes === true)
}

/** The claim's data when nothing is behind it: none yet, or lost. */
function unboundReason({ claim, volume }: VolumeQuestion): Unprotected | undefined {
  if (claim === undefined) return undefined
  const phase = textOf(objectOf(claim['status'])?.['phase'])
  if (phase === 'Lost') {
    const text = `its claim is Lost: volume ${volumeName(claim)} is gone`
    return leave('claim-lost', { approach: 'any', severity: 'error', text })
  }
  if (phase !== 'Bound') {
    const text = 'its claim is not bound, so there are none yet'
    return leave('claim-pending', { approach: 'any', severity: 'warning', text })
  }
  if (volume !== undefined) return undefined
  const text = `volume ${volumeName(claim)} does not exist`
  return leave('volume-missing', { approach: 'any', severity: 'error', text })
}

function snapshot({ claim, volume, backup, snapshotClasses }: VolumeQuestion, asked: boolean): VolumeProtection {
  const severity = asked ? 'error' : 'warning'
  const driver = textOf(objectOf(objectOf(volume?.['spec'])?.['csi'])?.['driver'])
  const native = (backup.spec.volumeSnapshotLocations ?? []).length > 0
  if (driver === undefined || claim === undefined || snapshotClasses === undefined) {
    if (native) return { by: 'native-snapshot' }
    const text = driver === undefined ? withoutSnapshots(volume) : ofCsi(driver, claim)
    const approach = driver === undefined ? 'volumeSnapshot' : 'csiSnapshot'
    return leave('no-snapshots', { approach, severity, text })
  }
  const choice = chooseSnapshotClass(snapshotClasses, driver, { claim, annotations: backup.metadata.annotations })
  if ('class' in choice) {
    const chosen = snapshotClasses.find(({ metadata }) => metadata.name === choice.class)
    const deletionPolicy = textOf(chosen?.['deletionPolicy']) ?? 'Delete'
    return csiSnapshot({ driver, snapshotClass: choice.class, deletionPolicy }, backup)
  }
  if (choice.problem === 'several') {
    const text = `several VolumeSnapshotClasses are of driver ${driver} (${choice.names.join(', ')}); label one velero.io/csi-volumesnapshot-class`
    return leave('several-snapshot-classes', { approach: 'csiSnapshot', severity: 'error', text })
  }
  if (native) return { by: 'native-snapshot' }
  const text = `no VolumeSnapshotClass is of driver ${driver}; make one`
  return leave('no-snapshot-class', { approach: 'csiSnapshot', severity, text })
}

function csiSnapshot(
  how: Pick<VolumeProtection & { by: 'csi-snapshot' }, 'driver' | 'snapshotClass' | 'deletionPolicy'>,
  { spec }: Backup,
): VolumeProtection {
  if (spec.snapshotMoveData !== true) return { by: 'csi-snapshot', ...how }
  const text = 'snapshotMoveData is set, and this version of Lifeboat does not move the data of snapshots'
  return leave('data-movement', { approach: 'csiSnapshot', severity: 'error', text })
}

function fileCopy(by: string): Unprotected {
  const text = `${by} wants its files copied, and this version of Lifeboat does not copy files`
  return leave('file-copy', { approach: 'podvolume', severity: 'error', text })
}

/** Whether `pod` wants the files of `claim` in the backup, by its annotations and the backup's default. */
function copiesFiles(pod: KubeObject, claim: KubeObject | undefined, byDefault: boolean): boolean {
  const { annotations = {} } = pod.metadata
  const key = byDefault ? annotationKeys.backupVolumesExcludes : annotationKeys.backupVolumes
  const named = (annotations[key] ?? '').split(',').map((name) => name.trim())
  return listOf(objectOf(pod['spec'])?.['volumes']).some((entry) => {
    const volume = objectOf(entry)
    const name = textOf(volume?.['name']) ?? ''
    const mounted = textOf(objectOf(volume?.['persistentVolumeClaim'])?.['claimName'])
    return mounted !== undefined && mounted === claim?.metadata.name && named.includes(name) !== byDefault
  })
}

function withoutSnapshots(volume: KubeObject | undefined): string {
  const type = volumeFacts({ volume }).volumeType
  return `no VolumeSnapshotLocation is there for ${type === '' ? 'its kind of volume' : `volumes of type ${type}`}`
}

function ofCsi(driver: string, claim: KubeObject | undefined): string {
  if (claim === undefined) return 'no claim of it is in the backup, and CSI snapshots are made of claims'
  return `the cluster does not serve snapshot.storage.k8s.io, which snapshots of driver ${driver} need`
}

function volumeName(claim: KubeObject): string {
  return textOf(objectOf(claim['spec'])?.['volumeName']) ?? ''
}

function leave(
  reason: UnprotectedReason,
  rest: Pick<Unprotected, 'approach' | 'text'> & { severity?: Unprotected['severity'] },
): Unprotected {
  return { by: 'nothing', reason, severity: 'info', ...rest }
}

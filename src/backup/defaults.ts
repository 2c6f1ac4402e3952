import { timestamp } from '#api/timestamp.ts'
import type { BackupStorageLocation } from '#api/backup-storage-location.ts'
import type { Backup, BackupSpec } from '#api/backup.ts'
import { parseDuration } from '#api/duration.ts'
import type { VolumeSnapshotLocation } from '#api/volume-snapshot-location.ts'
import { annotationKeys, labelKeys, labelValue } from '#api/labels.ts'
import { archiveFormatVersion } from '#archive/pack.ts'
import type { KubeClient, ServerVersion } from '#kube/client.ts'
import { KubeError } from '#kube/error.ts'
import { Namespaces } from '#kube/object.ts'
import { defaultBackupFilters } from '#selection/backup-filters.ts'
import { backupFilterProblems } from '#selection/validate.ts'
import { chooseSnapshotLocations } from './snapshot-locations.ts'

/** What the defaults of a backup depend on in the cluster. */
export interface ClusterFacts {
  version: ServerVersion
  /** Names of the namespaces that carry `velero.io/exclude-from-backup: "true"`. */
  excludedNamespaces: readonly string[]
  /** As of when; undefined for who may not list namespaces. */
  resourceVersion?: string | undefined
}

/** Settings of the server, or of the command that plays it. */
export interface BackupSettings {
  /** The locations of the backup's namespace; absent without installation, then `storageLocation` is only a name. */
  locations?: readonly BackupStorageLocation[] | undefined
  /** Those of the backup's namespace for native snapshots; absent without installation, then the spec's stay as they are. */
  snapshotLocations?: readonly VolumeSnapshotLocation[] | undefined
  /** Provider → name of the snapshot location to take when several would do. */
  defaultSnapshotLocations?: Readonly<Record<string, string>> | undefined
  /** Taken when no location is marked as default; `default`. */
  defaultLocation?: string | undefined
  /** Go durations. Defaults: `720h0m0s`, `4h0m0s`, `10m0s`. */
  ttl?: string | undefined
  /** `velero.io/volume-group`. */
  volumeGroupSnapshotLabelKey?: string | undefined
  itemOperationTimeout?: string | undefined
  resourceTimeout?: string | undefined
  defaultVolumesToFsBackup?: boolean | undefined
  snapshotMoveData?: boolean | undefined
}

/** Asks the cluster for what `defaultBackup` needs. Who may not list namespaces gets none excluded here: the run itself will say what is not allowed. Rejects with KubeError. */
export async function readClusterFacts(
  kube: KubeClient,
  options: { signal?: AbortSignal | undefined } = {},
): Promise<ClusterFacts> {
  const version = await kube.version(options)
  let resourceVersion: string | undefined
  const excludedNamespaces: string[] = []
  const labelSelector = `${labelKeys.excludeFromBackup}=true`
  try {
    for await (const page of kube.pages(Namespaces, { ...options, labelSelector })) {
      resourceVersion ??= page.resourceVersion
      for (const namespace of page.items) excludedNamespaces.push(namespace.metadata.name)
    }
  } catch (error) {
    if (!(error instanceof KubeError) || error.problem !== 'forbidden') throw error
  }
  return { version, excludedNamespaces, resourceVersion }
}

/**
 * Fills what Velero's server fills when it accepts a backup (spec/backup §1.2): spec, `status.version`, `formatVersion` and
 * `expiration`, labels, annotations. Does not change `backup`; doing it twice is the same as once.
 */
export function defaultBackup(
  backup: Backup,
  options: { facts: ClusterFacts; now: Date; settings?: BackupSettings | undefined },
): Backup {
  const { facts, now, settings = {} } = options
  const spec = defaultSpec(backup.spec, facts, settings)
  const location = spec.storageLocation ?? ''
  return {
    ...backup,
    metadata: {
      ...backup.metadata,
      labels: { ...backup.metadata.labels, [labelKeys.storageLocation]: labelValue(location) },
      annotations: {
        ...backup.metadata.annotations,
        [annotationKeys.sourceGitVersion]: facts.version.gitVersion,
        [annotationKeys.sourceMajorVersion]: facts.version.major,
        [annotationKeys.sourceMinorVersion]: facts.version.minor,
        [annotationKeys.resourceTimeout]: settings.resourceTimeout ?? '10m0s',
      },
    },
    spec,
    status: {
      ...backup.status,
      version: 1,
      formatVersion: archiveFormatVersion,
      expiration: backup.status?.expiration ?? expirationOf(spec, now),
    },
  }
}

function defaultSpec(spec: BackupSpec, facts: ClusterFacts, settings: BackupSettings): BackupSpec {
  return {
    ...spec,
    ...defaultFilters(spec, facts.excludedNamespaces),
    ttl: given(spec.ttl) ?? settings.ttl ?? '720h0m0s',
    csiSnapshotTimeout: given(spec.csiSnapshotTimeout) ?? '10m0s',
    itemOperationTimeout: given(spec.itemOperationTimeout) ?? settings.itemOperationTimeout ?? '4h0m0s',
    volumeGroupSnapshotLabelKey:
      spec.volumeGroupSnapshotLabelKey || settings.volumeGroupSnapshotLabelKey || labelKeys.volumeGroup,
    defaultVolumesToFsBackup: volumesToFiles(spec, settings),
    snapshotMoveData: spec.snapshotMoveData ?? settings.snapshotMoveData ?? false,
    storageLocation: spec.storageLocation || defaultLocation(settings),
    ...defaultSnapshots(spec, settings),
  }
}

/** Names that cannot be right stay as they are, so that validation sees what the user wrote. */
function defaultSnapshots(spec: BackupSpec, settings: BackupSettings): Partial<BackupSpec> {
  const { snapshotLocations: locations, defaultSnapshotLocations: defaults } = settings
  const { names, problems } = chooseSnapshotLocations(spec.volumeSnapshotLocations, { locations, defaults })
  return problems.length > 0 || names.length === 0 ? {} : { volumeSnapshotLocations: [...names] }
}

/** Lists that contradict themselves stay as they are, so that validation sees what the user wrote. */
function defaultFilters(spec: BackupSpec, labelledOut: readonly string[]): Partial<BackupSpec> {
  const filters = defaultBackupFilters(spec, labelledOut)
  if (backupFilterProblems(spec).length === 0) return filters
  const { includedNamespaces, excludedNamespaces } = filters
  return { includedNamespaces, excludedNamespaces }
}

/** The name of the location marked as default, else the server's. */
function defaultLocation({ locations = [], defaultLocation = 'default' }: BackupSettings): string {
  return locations.find((location) => location.spec.default === true)?.metadata.name ?? defaultLocation
}

/** `defaultVolumesToRestic` is the old spelling, and wins when it says yes. */
function volumesToFiles(spec: BackupSpec, settings: BackupSettings): boolean {
  if (spec.defaultVolumesToRestic === true) return true
  return spec.defaultVolumesToFsBackup ?? settings.defaultVolumesToFsBackup ?? false
}

/** Zero means unset, however it is written. */
function given(duration: string | undefined): string | undefined {
  return duration === undefined || parseDuration(duration) === 0 ? undefined : duration
}

function expirationOf({ ttl = '720h0m0s' }: BackupSpec, now: Date): string {
  const millis = parseDuration(ttl)
  // Negative, it is refused; the object that says so should not expire at once.
  return timestamp(new Date(now.getTime() + (millis < 0 ? parseDuration('720h') : millis)))
}

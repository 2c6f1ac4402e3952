import { StoreError, type ObjectStore } from '#store/store.ts'

/** What follows `<b>` in the keys `backups/<b>/<b>…` (spec/object-store §2); `manifest` is our own, which Velero ignores. */
const backupSuffixes = {
  contents: '.tar.gz',
  logs: '-logs.gz',
  results: '-results.gz',
  'resource-list': '-resource-list.json.gz',
  'volume-info': '-volumeinfo.json.gz',
  'volume-snapshots': '-volumesnapshots.json.gz',
  'pod-volume-backups': '-podvolumebackups.json.gz',
  'item-operations': '-itemoperations.json.gz',
  'csi-volume-snapshots': '-csi-volumesnapshots.json.gz',
  'csi-volume-snapshot-contents': '-csi-volumesnapshotcontents.json.gz',
  'csi-volume-snapshot-classes': '-csi-volumesnapshotclasses.json.gz',
  manifest: '-manifest.json.gz',
} as const

/** What surrounds `<r>` in the keys `restores/<r>/…` (spec/object-store §2); only the volume info has no `restore-`. */
const restoreNames = {
  logs: ['restore-', '-logs.gz'],
  results: ['restore-', '-results.gz'],
  'resource-list': ['restore-', '-resource-list.json.gz'],
  'item-operations': ['restore-', '-itemoperations.json.gz'],
  'volume-info': ['', '-volumeinfo.json.gz'],
} as const

const metadataFile = 'velero-backup.json'

const claimFile = 'lifeboat-claim.json'

// Our own, which Velero ignores: it keeps restores in the cluster only. Written last.
const restoreMetadataFile = 'lifeboat-restore.json'

/** `metadata` is velero-backup.json, whose presence makes a backup exist. */
export type BackupArtifact = 'metadata' | keyof typeof backupSuffixes
/** `metadata` is lifeboat-restore.json: the Restore with its final status. */
export type RestoreArtifact = 'metadata' | keyof typeof restoreNames

/** All artifacts a backup may have, in no particular order. */
export const backupArtifacts: readonly BackupArtifact[] = [
  'metadata',
  ...(Object.keys(backupSuffixes) as (keyof typeof backupSuffixes)[]),
]

/** All artifacts a restore may have, in no particular order. */
export const restoreArtifacts: readonly RestoreArtifact[] = [
  'metadata',
  ...(Object.keys(restoreNames) as (keyof typeof restoreNames)[]),
]

/** `folders(backupsPrefix)` names the candidates for backups. */
export const backupsPrefix = 'backups/'

/** `folders(restoresPrefix)` names the restores that left artifacts. */
export const restoresPrefix = 'restores/'

// A Kubernetes object name (RFC 1123 subdomain): holds neither `/` nor an empty part, so no key can leave its folder.
const objectName = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/

/** Says whether `name` can be the name of a backup or restore: lower-case letters, digits, `-` and `.`, at most 253. */
export function isRunName(name: string): boolean {
  return name.length <= 253 && objectName.test(name)
}

/** The folder with all artifacts of a backup. Throws 'invalid' for a name that Kubernetes would refuse, as do all functions here. */
export function backupPrefix(name: string): string {
  return `${backupsPrefix}${checkedName(name)}/`
}

/** The folder with all artifacts of a restore. */
export function restorePrefix(name: string): string {
  return `${restoresPrefix}${checkedName(name)}/`
}

/** The key of one artifact of a backup (spec/object-store §2). */
export function backupKey(name: string, artifact: BackupArtifact): string {
  const file = artifact === 'metadata' ? metadataFile : `${name}${backupSuffixes[artifact]}`
  return backupPrefix(name) + file
}

/** Where a run that makes a backup says so while it does: the object is gone when the backup is there. Velero ignores it. */
export function backupClaimKey(name: string): string {
  return `${backupPrefix(name)}${claimFile}`
}

/** The key of one artifact of a restore (spec/object-store §2). */
export function restoreKey(name: string, artifact: RestoreArtifact): string {
  if (artifact === 'metadata') return restorePrefix(name) + restoreMetadataFile
  const [before, after] = restoreNames[artifact]
  return `${restorePrefix(name)}${before}${name}${after}`
}

/** Whether what lies under `key` belongs to a backup for good; claims are taken away again. */
export function isOfBackup(key: string): boolean {
  return key.startsWith(backupsPrefix) && !key.endsWith(`/${claimFile}`)
}

export type KnownKey =
  | { run: 'backup'; name: string; artifact: BackupArtifact }
  | { run: 'restore'; name: string; artifact: RestoreArtifact }

/** Whose artifact lies under `key`; undefined for keys that the layout does not know. The reverse of `backupKey` and `restoreKey`. */
export function parseKey(key: string): KnownKey | undefined {
  const [top, name, file, ...rest] = key.split('/')
  if (name === undefined || file === undefined || rest.length > 0 || !isRunName(name)) return undefined
  if (`${top}/` === backupsPrefix) {
    const artifact = backupArtifacts.find((artifact) => backupKey(name, artifact) === key)
    return artifact && { run: 'backup', name, artifact }
  }
  if (`${top}/` === restoresPrefix) {
    const artifact = restoreArtifacts.find((artifact) => restoreKey(name, artifact) === key)
    return artifact && { run: 'restore', name, artifact }
  }
  return undefined
}

const toleratedFolders = new Set(['backups', 'restores', 'restic', 'kopia', 'metadata', 'plugins'])

/** The top-level folders that do not belong into a backup store, in order; a store that has some is not valid (spec/object-store §1.1). Loose objects at the top are not looked at. */
export async function unknownFolders(store: ObjectStore): Promise<string[]> {
  const unknown = []
  for await (const folder of store.folders('')) if (!toleratedFolders.has(folder)) unknown.push(folder)
  return unknown
}

/** One line about the folders that `unknownFolders` found: all names up to three, then their number and the first three. */
export function unknownFoldersMessage(store: ObjectStore, folders: readonly string[]): string {
  const names =
    folders.length <= 3 ? folders.join(', ') : `${folders.length} folders, ${folders.slice(0, 3).join(', ')}, ...`
  return `${store.url} holds what is not a backup's: ${names}; use an empty bucket or a prefix of its own`
}

function checkedName(name: string): string {
  if (isRunName(name)) return name
  throw new StoreError(
    'invalid',
    `${JSON.stringify(name)} cannot be the name of a backup or restore: use lower-case letters, digits, "-" and ".", at most 253 of them`,
  )
}

import type { KubeObject } from '#kube/object.ts'

/** The bytes of `velero-backup.json`: the whole Backup with apiVersion and kind, indented by two spaces. */
export declare function encodeBackupMetadata(backup: object): Uint8Array

/** The Backup in a `velero-backup.json`; unknown fields are kept. Rejects with 'unsupported' for anything that is not a velero.io/v1 Backup. */
export declare function decodeBackupMetadata(bytes: AsyncIterable<Uint8Array> | Uint8Array): Promise<KubeObject>

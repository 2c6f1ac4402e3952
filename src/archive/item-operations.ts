import { decodeListGz, encodeJsonGz, isMap } from './json-gz.ts'
import type { StoredBytes } from './json-gz.ts'

/** Names one object; the keys begin with capitals, as in the file (spec/object-store §10). */
export interface ResourceIdentifier {
  readonly Group: string
  readonly Resource: string
  readonly Namespace: string
  readonly Name: string
}

/** How far an asynchronous operation is. Times are RFC 3339 in whole seconds. */
export interface OperationStatus {
  readonly phase: 'New' | 'InProgress' | 'Completed' | 'Failed'
  readonly error?: string | undefined
  readonly nCompleted?: number | undefined
  readonly nTotal?: number | undefined
  readonly operationUnits?: string | undefined
  readonly description?: string | undefined
  readonly created?: string | undefined
  readonly started?: string | undefined
  readonly updated?: string | undefined
}

/** One entry of a backup's `-itemoperations.json.gz`. */
export interface BackupOperation {
  readonly spec: {
    readonly backupName: string
    readonly backupUID: string
    readonly backupItemAction: string
    readonly resourceIdentifier: ResourceIdentifier
    readonly operationID: string
    readonly postOperationItems: readonly ResourceIdentifier[] | null
  }
  readonly status: OperationStatus
}

/** One entry of a restore's. */
export interface RestoreOperation {
  readonly spec: {
    readonly restoreName: string
    readonly restoreUID: string
    readonly restoreItemAction: string
    readonly resourceIdentifier: ResourceIdentifier
    readonly operationID: string
  }
  readonly status: OperationStatus
}

/** The bytes of an `-itemoperations.json.gz`. */
export async function encodeItemOperations(
  operations: readonly BackupOperation[] | readonly RestoreOperation[],
): Promise<Uint8Array> {
  return await encodeJsonGz(operations)
}

/** The operations of a backup in an `-itemoperations.json.gz`; what has no spec or status is left out. */
export async function decodeBackupOperations(bytes: StoredBytes): Promise<BackupOperation[]> {
  return (await decodeOperations(bytes)) as BackupOperation[]
}

/** As `decodeBackupOperations`, of a restore. */
export async function decodeRestoreOperations(bytes: StoredBytes): Promise<RestoreOperation[]> {
  return (await decodeOperations(bytes)) as RestoreOperation[]
}

async function decodeOperations(bytes: StoredBytes): Promise<unknown[]> {
  const values = await decodeListGz(bytes, { name: 'the list of operations' })
  return values.filter((value) => {
    if (!isMap(value) || !isMap(value['spec']) || !isMap(value['status'])) return false
    return isMap(value['spec']['resourceIdentifier'])
  })
}

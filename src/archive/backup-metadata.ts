import type { KubeObject } from '#kube/object.ts'
import { ArchiveError } from './error.ts'
import { isMap, streamOf } from './json-gz.ts'
import type { StoredBytes } from './json-gz.ts'

const maxBytes = 16 * 2 ** 20

/** The bytes of `velero-backup.json`: the whole Backup with apiVersion and kind, indented by two spaces. */
export function encodeBackupMetadata(backup: object): Uint8Array {
  return Buffer.from(JSON.stringify({ ...backup, apiVersion: 'velero.io/v1', kind: 'Backup' }, undefined, 2))
}

/** The Backup in a `velero-backup.json`; unknown fields are kept. Rejects with 'invalid-json', 'too-large' (16 MiB), or 'unsupported' for anything that is not a velero.io/v1 Backup. */
export async function decodeBackupMetadata(bytes: StoredBytes): Promise<KubeObject> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of streamOf(bytes)) {
    size += chunk.length
    if (size > maxBytes)
      throw new ArchiveError(
        'too-large',
        `velero-backup.json has more than ${maxBytes} bytes; it is no Backup, use another one`,
      )
    chunks.push(chunk)
  }
  const value = parsed(Buffer.concat(chunks, size).toString())
  if (isBackup(value)) return value
  throw new ArchiveError(
    'unsupported',
    'velero-backup.json holds no velero.io/v1 Backup with a name; use a program that knows its version, or another backup',
  )
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new ArchiveError(
      'invalid-json',
      'velero-backup.json is no valid JSON; fetch it again, or use another backup',
      { cause: error },
    )
  }
}

function isBackup(value: unknown): value is KubeObject {
  if (!isMap(value) || value['apiVersion'] !== 'velero.io/v1' || value['kind'] !== 'Backup') return false
  return isMap(value['metadata']) && typeof value['metadata']['name'] === 'string'
}

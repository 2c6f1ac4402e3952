import { tmpdir } from 'node:os'
import { entryAddress } from '#archive/entry-path.ts'
import { openManifest } from '#archive/manifest.ts'
import { openArchive, type OpenArchive } from '#archive/open.ts'
import { parseJson } from '#kube/json.ts'
import type { Door } from './door.ts'
import { UserError } from './exit.ts'

/** One object of a backup. */
export interface StoredObject {
  /** `pods`, `deployments.apps`. */
  readonly resource: string
  /** Undefined for cluster-scoped objects. */
  readonly namespace: string | undefined
  readonly name: string
  /** Bytes of its JSON. */
  readonly size: number
}

/**
 * What is in the backup `name`, in the order of its archive. The manifest tells without fetching the archive; a backup that has none,
 * such as one of Velero's, is read whole. Rejects with ArchiveError when it is damaged, UserError when it has no archive.
 */
export async function storedObjects(door: Door, name: string, signal: AbortSignal): Promise<StoredObject[]> {
  const manifest = await door.backupArtifact(name, 'manifest')
  if (manifest === undefined) {
    await using archive = await storedArchive(door, name, signal)
    return [...archive.entries()].map(({ resource, namespace, name, size }) => ({ resource, namespace, name, size }))
  }
  const reader = await openManifest(manifest)
  const byPath = new Map<string, StoredObject>()
  for await (const { path, size } of reader.entries) {
    signal.throwIfAborted()
    const address = entryAddress(path)
    if (address !== undefined && address.version === undefined) byPath.set(path, { ...address, size })
  }
  for (const path of (await reader.trailer()).withdrawn ?? []) byPath.delete(path)
  return [...byPath.values()]
}

/** The whole archive of the backup `name`. As `storedObjects`. */
export async function storedArchive(door: Door, name: string, signal: AbortSignal): Promise<OpenArchive> {
  const bytes = await door.backupArtifact(name, 'contents')
  if (bytes === undefined) throw new UserError(`backup "${name}" has no archive in ${door.place}`)
  return await openArchive(bytes, { spoolDir: tmpdir(), parse: parseJson, signal })
}

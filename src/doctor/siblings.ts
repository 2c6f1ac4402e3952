import { createHash } from 'node:crypto'
import { ArchiveError } from '#archive/error.ts'
import { openManifest, type ManifestArtifact } from '#archive/manifest.ts'
import { findObject } from '#store/find.ts'
import { backupKey, backupPrefix, parseKey, type BackupArtifact } from '#store/layout.ts'
import type { ObjectStore } from '#store/store.ts'
import type { DamagedFile } from './facts.ts'

/** The files beside the archive that are not what the manifest of the backup says. A manifest that cannot be read is one itself. */
export async function damagedSiblings(
  store: ObjectStore,
  backup: { name: string; files: ReadonlyMap<BackupArtifact, number>; signal: AbortSignal },
): Promise<DamagedFile[]> {
  const { name, files, signal } = backup
  const damaged: DamagedFile[] = []
  for (const { name: file, sha256 } of await statedFiles(store, backup, damaged)) {
    const known = parseKey(backupPrefix(name) + file)
    // The archive is compared object by object.
    if (known?.run !== 'backup' || known.artifact === 'contents') continue
    const { artifact } = known
    const bytes = files.has(artifact) ? await findObject(store, backupKey(name, artifact), { signal }) : undefined
    if (bytes === undefined) damaged.push({ artifact, why: 'it is missing, and the manifest names it' })
    else if ((await hashOf(bytes)) !== sha256) damaged.push({ artifact, why: 'it is not what the manifest says' })
  }
  return damaged
}

async function statedFiles(
  store: ObjectStore,
  { name, signal }: { name: string; signal: AbortSignal },
  damaged: DamagedFile[],
): Promise<readonly ManifestArtifact[]> {
  const bytes = await findObject(store, backupKey(name, 'manifest'), { signal })
  if (bytes === undefined) return []
  try {
    return (await (await openManifest(bytes)).trailer()).artifacts
  } catch (error) {
    if (!(error instanceof ArchiveError)) throw error
    damaged.push({ artifact: 'manifest', why: error.message })
    return []
  }
}

async function hashOf(bytes: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of bytes) hash.update(chunk)
  return hash.digest('hex')
}

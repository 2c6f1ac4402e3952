import { withDigest } from '#archive/digest.ts'
import { streamOf, type StoredBytes } from '#archive/json-gz.ts'
import type { ManifestArtifact } from '#archive/manifest.ts'
import { backupKey, backupPrefix, type BackupArtifact } from '#store/layout.ts'
import type { ObjectStore } from '#store/store.ts'
import { BackupError } from './error.ts'

/** The objects of one backup in the store, as this run writes them. */
export interface Artifacts {
  /** What has been written so far, by file name. */
  readonly written: readonly ManifestArtifact[]
  put(artifact: BackupArtifact, bytes: StoredBytes): Promise<void>
  /** Rejects with 'name-taken' when the store does not hold exactly what was written: then somebody else works under this name. */
  assertWhole(): Promise<void>
  /** Deletes what this run wrote. Gives the keys that could not be deleted. */
  discard(): Promise<string[]>
}

/**
 * Makes sure that the name is free and its folder empty. A folder without `velero-backup.json` is what an interrupted run left:
 * nobody takes it for a backup, and since objects are never overwritten it has to go first. Gives the number of objects deleted.
 */
export async function clearLeftovers(store: ObjectStore, name: string): Promise<number> {
  if ((await store.head(backupKey(name, 'metadata'))) !== undefined) {
    throw new BackupError(
      'name-taken',
      `backup already exists in object storage: ${name} in ${store.url}; choose another name or delete that backup`,
    )
  }
  const keys = await Array.fromAsync(store.list(backupPrefix(name)), ({ key }) => key)
  for (const key of keys) await store.delete(key)
  return keys.length
}

/** Opens the folder of the backup `name`, which must be empty. */
export function openArtifacts(store: ObjectStore, name: string, signal: AbortSignal | undefined): Artifacts {
  const prefix = backupPrefix(name)
  const written: ManifestArtifact[] = []
  return {
    written,
    async put(artifact, bytes) {
      const key = backupKey(name, artifact)
      const entry = { name: key.slice(prefix.length), sha256: '', size: 0 }
      const digested = withDigest(streamOf(bytes), (digest) => Object.assign(entry, digest))
      await store.put(key, digested, { signal })
      written.push(entry)
    },
    async assertWhole() {
      const found = await Array.fromAsync(store.list(prefix), ({ key, size }) => `${key.slice(prefix.length)} ${size}`)
      const expected = written.map((one) => `${one.name} ${one.size}`)
      if (found.toSorted().join() === expected.toSorted().join()) return
      throw new BackupError(
        'name-taken',
        `${store.url} does not hold what was just written for backup ${name}: another run uses the same name; repeat with another one`,
      )
    },
    async discard() {
      const left: string[] = []
      for (const one of written) {
        await store.delete(prefix + one.name).catch(() => left.push(prefix + one.name))
      }
      return left
    },
  }
}

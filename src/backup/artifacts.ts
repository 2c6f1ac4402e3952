import { withDigest, type Digest } from '#archive/digest.ts'
import { streamOf, type StoredBytes } from '#archive/json-gz.ts'
import type { ManifestArtifact } from '#archive/manifest.ts'
import { findObject } from '#store/find.ts'
import { backupClaimKey, backupKey, backupPrefix, type BackupArtifact } from '#store/layout.ts'
import type { ObjectStore } from '#store/store.ts'
import { atMost } from '#volumes/at-most.ts'
import type { HeldName } from './claim.ts'
import { BackupError } from './error.ts'

/** The objects of one backup in the store, as this run writes them. */
export interface Artifacts {
  /** What has been written so far, by file name. */
  readonly written: readonly ManifestArtifact[]
  put(artifact: BackupArtifact, bytes: StoredBytes): Promise<void>
  /** Puts these together, since each is a few round trips to the store. Rejects when the last has ended. */
  putAll(bytes: Partial<Record<BackupArtifact, StoredBytes>>): Promise<void>
  /** Rejects with 'name-taken' when the name is no longer held, or the store does not hold exactly what was written: then somebody else works under this name. */
  assertWhole(): Promise<void>
  /** Deletes what this run wrote, and nothing that anybody else has put in its place. Gives the keys that could not be deleted. */
  discard(): Promise<string[]>
}

/** Artifacts that travel at a time. */
const AT_ONCE = 4

/** Opens the folder of the backup `name`, which must be empty but for the claim `held`. */
export function openArtifacts(
  store: ObjectStore,
  name: string,
  { held, signal }: { held: HeldName; signal: AbortSignal | undefined },
): Artifacts {
  const prefix = backupPrefix(name)
  const begun: BegunArtifact[] = []
  const written = (): BegunArtifact[] => begun.filter(({ isWritten }) => isWritten)
  const put: Artifacts['put'] = async (artifact, bytes) => {
    const key = backupKey(name, artifact)
    const entry = { key, sha256: '', size: 0, isWritten: false }
    begun.push(entry)
    const digested = withDigest(streamOf(bytes), (digest) => Object.assign(entry, digest))
    await store.put(key, digested, { signal })
    entry.isWritten = true
  }
  return {
    get written() {
      return written().map(({ key, sha256, size }) => ({ name: key.slice(prefix.length), sha256, size }))
    },
    put,
    async putAll(bytes) {
      const inTurn = atMost(AT_ONCE)
      const entries = Object.entries(bytes) as [BackupArtifact, StoredBytes][]
      const ends = await Promise.allSettled(entries.map(([artifact, one]) => inTurn(() => put(artifact, one))))
      for (const end of ends) if (end.status === 'rejected') throw end.reason
    },
    async assertWhole() {
      const claim = backupClaimKey(name)
      const found = await Array.fromAsync(store.list(prefix))
      const stored = found.filter(({ key }) => key !== claim).map(({ key, size }) => `${key} ${size}`)
      const expected = written().map(({ key, size }) => `${key} ${size}`)
      if (stored.toSorted().join() === expected.toSorted().join() && (await held.state()) === 'held') return
      throw new BackupError(
        'name-taken',
        `${store.url} does not hold what was just written for backup ${name}: another run uses the same name; repeat with another one`,
      )
    },
    async discard() {
      try {
        const state = await held.state()
        if (state === 'lost') return []
        // Under a marker, or where the claim was deleted, others may have written what has our names.
        const sure = state === 'held' && (await store.head(backupKey(name, 'metadata'))) === undefined
        return await deleteOwn(store, begun, sure)
      } catch {
        return written().map(({ key }) => key)
      }
    },
  }
}

interface BegunArtifact extends Digest {
  readonly key: string
  /** Otherwise it may or may not be there. */
  isWritten: boolean
}

/** The latest first: a marker whose writing seemed to fail goes before what it promises. */
async function deleteOwn(store: ObjectStore, begun: readonly BegunArtifact[], sure: boolean): Promise<string[]> {
  const left: string[] = []
  for (const one of begun.toReversed()) {
    try {
      if ((sure && one.isWritten) || (await holds(store, one))) await store.delete(one.key)
    } catch {
      if (one.isWritten) left.unshift(one.key)
    }
  }
  return left
}

/** Whether the object under `key` is, byte for byte, what was to be written. */
async function holds(store: ObjectStore, { key, sha256, size }: Digest & { key: string }): Promise<boolean> {
  if ((await store.head(key))?.size !== size) return false
  const bytes = await findObject(store, key)
  if (bytes === undefined) return false
  let same = false
  for await (const _ of withDigest(bytes, (digest) => (same = digest.sha256 === sha256)));
  return same
}

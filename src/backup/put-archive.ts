import type { ManifestWriter } from '#archive/manifest.ts'
import { packArchive } from '#archive/pack.ts'
import type { Collection } from '#collect/collect.ts'
import type { Artifacts } from './artifacts.ts'
import type { Contents } from './contents.ts'
import type { ItemActions } from './item-actions.ts'
import type { ProgressMeter } from './progress.ts'
import type { BackupVolumes } from './volumes.ts'

/** What the archive passes through on its way. */
export interface ArchiveParts {
  readonly artifacts: Artifacts
  readonly collection: Collection
  readonly actions: ItemActions
  readonly volumes: BackupVolumes
  readonly contents: Contents
  readonly manifest: ManifestWriter
  readonly meter: ProgressMeter
}

/** From the API server straight into the store. Gives the paths that were taken back, undefined if none were. */
export async function putArchive(
  parts: ArchiveParts,
  { now, signal }: { now: () => Date; signal?: AbortSignal | undefined },
): Promise<string[] | undefined> {
  const { artifacts, actions, contents, manifest, meter, volumes, collection } = parts
  let failure: unknown
  const items = contents.pass(volumes.items(actions.items(), collection), {
    clean: (item) => (volumes.isReady(item) ? item : actions.clean(item)),
    signal,
  })
  let withdrawn: string[] | undefined
  const bytes = packArchive(items, {
    mtime: now(),
    onEntry: (entry) => manifest.add(entry),
    withdrawn: () => contents.withdraw(actions.gone),
    onWithdrawn: (paths) => (withdrawn = paths),
  })
  try {
    // Stores may wrap an error that comes out of the bytes they are given; this one is the cause.
    await artifacts.put(
      'contents',
      keepingFailure(counted(bytes, meter), (error) => (failure = error)),
    )
  } catch (error) {
    throw failure ?? error
  }
  return withdrawn
}

async function* counted(bytes: AsyncIterable<Uint8Array>, meter: ProgressMeter): AsyncGenerator<Uint8Array> {
  for await (const chunk of bytes) {
    yield chunk
    meter.update({ bytes: meter.now.bytes + chunk.length })
  }
}

async function* keepingFailure<T>(values: AsyncIterable<T>, keep: (error: unknown) => void): AsyncGenerator<T> {
  try {
    yield* values
  } catch (error) {
    keep(error)
    throw error
  }
}

import { openBackup } from '#restore/backup-source.ts'
import { RestoreError } from '#restore/error.ts'
import { storedBackup } from '#backup/stored.ts'
import { ApiError } from '#api/error.ts'
import { ArchiveError } from '#archive/error.ts'
import { decodeResourceList } from '#archive/resource-list.ts'
import { decodeVolumeInfo } from '#archive/volume-info.ts'
import { findObject } from '#store/find.ts'
import { backupKey, backupPrefix, backupsPrefix, parseKey, unknownFolders, type BackupArtifact } from '#store/layout.ts'
import { StoreError, type ObjectStore } from '#store/store.ts'
import { readByRestores } from './coverage.ts'
import { contentsOf, volumesWithoutData } from './contents.ts'
import type { BackupFacts, DamagedFile, Leftover, StoreFacts } from './facts.ts'
import { damagedSiblings } from './siblings.ts'

export interface ExamineOptions {
  /** For people; default the store's URL. */
  readonly place?: string | undefined
  /** Read every archive, and compare it with its manifest where there is one. */
  readonly deep: boolean
  readonly signal: AbortSignal
}

const READS_AT_ONCE = 16

/** Looks through a store; writes nothing. What the store cannot do is in the answer; rejects only when aborted. */
export async function examineStore(store: ObjectStore, options: ExamineOptions): Promise<StoreFacts> {
  const { place = store.url, signal } = options
  try {
    return {
      place,
      ...(await examineFolders(store, options)),
      strangers: await unknownFolders(store),
      protection: await store.locks?.protection(),
    }
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof StoreError)) throw error
    return { place, unreadable: error.message, backups: [], leftovers: [], strangers: [] }
  }
}

interface Folder {
  readonly files: Map<BackupArtifact, number>
  modified: Date
}

async function examineFolders(
  store: ObjectStore,
  options: ExamineOptions,
): Promise<Pick<StoreFacts, 'backups' | 'leftovers'>> {
  const folders = await foldersOf(store, options.signal)
  const leftovers: Leftover[] = []
  const whole: [string, Folder][] = []
  for (const [name, folder] of folders) {
    if (folder.files.has('metadata')) whole.push([name, folder])
    else leftovers.push({ folder: backupsPrefix + name, modified: folder.modified })
  }
  const backups: BackupFacts[] = []
  // Archives are big: one at a time.
  const atOnce = options.deep ? 1 : READS_AT_ONCE
  for (let start = 0; start < whole.length; start += atOnce) {
    options.signal.throwIfAborted()
    const some = whole.slice(start, start + atOnce)
    backups.push(
      ...(await Promise.all(some.map(([name, { files }]) => examineBackup(store, { name, files }, options)))),
    )
  }
  return { backups, leftovers }
}

/** One listing tells all files of all backups. */
async function foldersOf(store: ObjectStore, signal: AbortSignal): Promise<Map<string, Folder>> {
  const folders = new Map<string, Folder>()
  for await (const { key, size, modified } of store.list(backupsPrefix)) {
    signal.throwIfAborted()
    const name = key.slice(backupsPrefix.length).split('/')[0] ?? ''
    const folder = folders.get(name) ?? { files: new Map<BackupArtifact, number>(), modified }
    folders.set(name, folder)
    if (modified > folder.modified) folder.modified = modified
    const known = parseKey(key)
    if (known?.run === 'backup') folder.files.set(known.artifact, size)
  }
  return folders
}

async function examineBackup(
  store: ObjectStore,
  { name, files }: { name: string; files: ReadonlyMap<BackupArtifact, number> },
  { deep, signal }: ExamineOptions,
): Promise<BackupFacts> {
  const record = await recordOf(store, name)
  const damaged: DamagedFile[] = []
  const read = async <T>(artifact: BackupArtifact, decode: (bytes: AsyncIterable<Uint8Array>) => Promise<T>) =>
    await sound(damaged, artifact, async () => {
      const bytes = files.has(artifact) ? await findObject(store, backupKey(name, artifact), { signal }) : undefined
      return bytes && (await decode(bytes))
    })
  const list = await read('resource-list', decodeResourceList)
  const volumes = (await read('volume-info', decodeVolumeInfo)) ?? []
  // What is known to be damaged would only be told twice.
  const readsArchive =
    deep && (files.get('contents') ?? 0) > 0 && !damaged.some(({ artifact }) => readByRestores.has(artifact))
  const verified = readsArchive
    ? await sound(damaged, 'contents', () => readWhole(store, { name, hasManifest: files.has('manifest'), signal }))
    : undefined
  if (deep && files.has('manifest')) damaged.push(...(await damagedSiblings(store, { name, files, signal })))
  return {
    name,
    record,
    files,
    damaged,
    ...contentsOf(list),
    volumesWithoutData: volumesWithoutData(list ?? {}, volumes),
    verified,
  }
}

async function recordOf(store: ObjectStore, name: string): Promise<BackupFacts['record']> {
  try {
    const backup = await storedBackup(store, name)
    if (backup === undefined) return { damage: `${backupPrefix(name)} is being deleted` }
    return backup.metadata.name === name ? { backup } : { damage: `it is the record of ${backup.metadata.name}` }
  } catch (error) {
    return { damage: damageOf(error) }
  }
}

/** What `work` gives; undefined when the file is damaged, which is noted then. */
async function sound<T>(
  damaged: DamagedFile[],
  artifact: BackupArtifact,
  work: () => Promise<T | undefined>,
): Promise<T | undefined> {
  try {
    return await work()
  } catch (error) {
    damaged.push({ artifact, why: damageOf(error) })
    return undefined
  }
}

/** The message of an error that is about what was read; throws any other again. */
function damageOf(error: unknown): string {
  const isDamage = error instanceof ArchiveError || error instanceof RestoreError || error instanceof ApiError
  if (isDamage) return error.message
  throw error
}

/** Reads the archive as a restore would; gives the number of objects that agree with the manifest. */
async function readWhole(
  store: ObjectStore,
  { name, hasManifest, signal }: { name: string; hasManifest: boolean; signal: AbortSignal },
): Promise<number | undefined> {
  await using source = await openBackup(name, { store, signal })
  if (!hasManifest) return undefined
  return [...source.archive.entries()].length
}

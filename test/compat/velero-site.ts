import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { Backups, type Backup } from '#api/backup.ts'
import { BackupStorageLocations } from '#api/backup-storage-location.ts'
import { hasEnded } from '#api/phases.ts'
import { Restores, type Restore } from '#api/restore.ts'
import { lastWords } from '#sandbox/program.ts'
import { openStore } from '#store/open.ts'
import type { ObjectStore } from '#store/store.ts'
import { install, serverNamespace as namespace, untilAvailable } from '../../bench/installation.ts'
import { scratchFolder } from '../support/cli.ts'
import type { TestCluster } from '../support/cluster.ts'
import { s3Server, type S3Server } from '../support/s3-server.ts'
import { eventually } from '../support/server.ts'
import { startVeleroServer, veleroClient, type VeleroClient } from '../support/velero.ts'

/** Who made a backup; its prefix in the bucket. */
export type Maker = 'velero' | 'lifeboat'

/** One bucket with a place for the backups of each maker, and a folder for what the programs write. */
export interface Places extends AsyncDisposable {
  s3: S3Server
  stores: Readonly<Record<Maker, ObjectStore>>
  folder: string
}

/** Starts the S3 server. */
export async function openPlaces(): Promise<Places> {
  await using opened = new AsyncDisposableStack()
  const { path: folder } = opened.use(await scratchFolder())
  const s3 = opened.use(await s3Server('versitygw'))
  const open = async (maker: Maker): Promise<ObjectStore> => {
    const url = `s3://${s3.bucket}/${maker}?endpoint=${s3.endpoint}&region=${s3.region}&pathStyle=true`
    const store = await openStore(url, { env: s3.env })
    opened.defer(() => store.close())
    return store
  }
  const stores = { velero: await open('velero'), lifeboat: await open('lifeboat') }
  const kept = opened.move()
  return { s3, stores, folder, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

/** Milliseconds for a test that works with Velero: it may have to wait until another file's is done, and machines are slow at times. */
export const veleroTimeout = 1_500_000

/** A cluster in which Velero works. */
export interface VeleroSite extends AsyncDisposable {
  /** Velero's command line, in the folder `directory`. */
  velero: VeleroClient
  directory: string
  /** Waits until Velero has taken the backup over from the bucket. */
  knows(backup: string): Promise<Backup>
  /** Waits until the backup has ended, however; two minutes unless told otherwise. */
  ended(backup: string, seconds?: number): Promise<Backup>
  /** Runs `velero backup create`. */
  backUp(name: string, flags: readonly string[]): Promise<Backup>
  /** Runs `velero restore create`. */
  restore(name: string, backup: string, flags?: readonly string[]): Promise<Restore>
}

/**
 * Installs and starts Velero for the backups of `maker`. With `restarted` its location counts as found good earlier: Velero
 * looks into the bucket at its start then, otherwise not before the next full minute.
 */
export async function openSite(
  { kube, kubeconfigPath }: TestCluster,
  { places, maker, restarted = false, features, concurrentBackups, env, signal }: SiteSetting,
): Promise<VeleroSite> {
  const { s3, folder } = places
  const directory = join(folder, randomBytes(4).toString('hex'))
  await install(kube, locationOf(s3, maker), signal)
  if (restarted) {
    await kube.patch(BackupStorageLocations, 'default', { merge: { status: { phase: 'Available' } } }, { namespace })
  }
  const velero = await veleroClient({ kubeconfigPath, directory, seconds: 600 })
  const program = await startVeleroServer({
    kubeconfigPath,
    credentials: s3.env,
    directory,
    features,
    concurrentBackups,
    env,
    signal,
  })
  const death = program.ended.then(async (how) => Promise.reject(new Error(await lastWords(program, how))))
  // It always ends; that is only news to who waits for its work.
  death.catch(() => undefined)
  const site: VeleroSite = {
    velero,
    directory,
    knows: (backup) => Promise.race([eventually(() => kube.find(Backups, backup, { namespace }), 90), death]),
    ended: (backup, seconds = 120) =>
      Promise.race([
        eventually(async () => {
          const current = await kube.get(Backups, backup, { namespace })
          return hasEnded(current.status?.phase) ? current : undefined
        }, seconds),
        death,
      ]),
    backUp: async (name, flags) => {
      await Promise.race([velero('backup', 'create', name, ...flags, '--wait'), death])
      return await kube.get(Backups, name, { namespace })
    },
    restore: async (name, backup, flags = []) => {
      await Promise.race([velero('restore', 'create', name, '--from-backup', backup, ...flags, '--wait'), death])
      return await kube.get(Restores, name, { namespace })
    },
    [Symbol.asyncDispose]: () => program.kill(),
  }
  try {
    await Promise.race([untilAvailable(kube, signal), death])
    return site
  } catch (error) {
    await program.kill()
    throw error
  }
}

/** What `openSite` needs to know. */
export interface SiteSetting {
  places: Places
  maker: Maker
  restarted?: boolean
  /** Velero's feature flags. */
  features?: readonly string[]
  /** How many backups Velero may make at once; its default is one. */
  concurrentBackups?: number
  /** Variables for Velero and its plug-ins. */
  env?: Readonly<Record<string, string>>
  signal: AbortSignal
}

/** The spec of the location that is the place of one maker. */
export function locationOf(s3: S3Server, prefix: Maker) {
  return {
    provider: 'velero.io/aws',
    objectStorage: { bucket: s3.bucket, prefix },
    config: { region: s3.region, s3Url: s3.endpoint, s3ForcePathStyle: 'true' },
    default: true,
  }
}

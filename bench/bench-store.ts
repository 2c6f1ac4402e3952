import { join } from 'node:path'
import type { BackupStorageLocationSpec } from '#api/backup-storage-location.ts'
import { openStore } from '#store/open.ts'
import type { ObjectStore } from '#store/store.ts'
import { s3Server } from '../test/support/s3-server.ts'

/** A place for backups, in every form that somebody asks for. */
export interface BenchStore extends AsyncDisposable {
  /** For `--store`. */
  url: string
  /** For a BackupStorageLocation. */
  location: BackupStorageLocationSpec
  /** Where its objects lie as files, for who has to make very many. */
  folder: string
  /** Credentials. */
  env: Readonly<Record<string, string>>
  open(): Promise<ObjectStore>
}

/** A directory in `directory`. */
export function directoryStore(directory: string): BenchStore {
  const url = join(directory, 'store')
  return {
    url,
    location: {
      provider: 'lifeboat.dev/file',
      objectStorage: { bucket: 'backups' },
      config: { path: url },
      default: true,
    },
    folder: url,
    env: {},
    open: () => openStore(url, { env: {} }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}

/** A bucket of an S3 server of its own. `prefix` keeps two programs apart. */
export async function bucketStore(prefix: string): Promise<BenchStore> {
  const { endpoint, bucket, region, env, directory, ...server } = await s3Server('versitygw')
  const url = `s3://${bucket}/${prefix}?endpoint=${endpoint}&region=${region}&pathStyle=true`
  return {
    url,
    location: {
      provider: 'velero.io/aws',
      objectStorage: { bucket, prefix },
      config: { region, s3Url: endpoint, s3ForcePathStyle: 'true' },
      default: true,
    },
    folder: join(directory, bucket, prefix),
    env,
    open: () => openStore(url, { env }),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

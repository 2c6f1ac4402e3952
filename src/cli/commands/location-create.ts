import { BackupStorageLocations, type BackupStorageLocation } from '#api/backup-storage-location.ts'
import { apiVersionOf } from '#kube/object.ts'
import { command } from '../command.ts'
import { installationFlags, openCluster, serverNamespace } from '../connection.ts'
import { print, type CliContext } from '../context.ts'
import { OK, USAGE, UserError } from '../exit.ts'
import { choice, duration, map, text, toggle, type FlagValues } from '../flag.ts'
import { parseDuration } from '#api/duration.ts'
import { labelColumns, printObjects, tableFlags } from '../output.ts'
import { installed } from '../server-door.ts'
import { locationColumns } from './location-columns.ts'
import { accessModes, caCertOf, credentialFlag, credentialOf, refuseSecondDefault } from './location-fields.ts'

const flags = {
  ...installationFlags,
  provider: text('aws for S3 and what speaks it, lifeboat.dev/file for a directory of the server', { metavar: 'NAME' }),
  bucket: text('bucket to keep backups in', { metavar: 'NAME' }),
  prefix: text('prefix inside the bucket', { metavar: 'PATH' }),
  default: toggle('make it the location of backups that name none'),
  config: map('settings of the provider: region=…,s3Url=…,s3ForcePathStyle=true; path=… for a directory'),
  credential: credentialFlag,
  cacert: text('file with the CA certificates of the store', { metavar: 'FILE' }),
  labels: map('labels of the location'),
  'access-mode': choice('whether backups may be written', accessModes),
  'backup-sync-period': duration('how often the bucket is looked through; 0 for never'),
  'validation-frequency': duration('how often the store is checked; 0 for once'),
  ...tableFlags,
}
type Given = FlagValues<typeof flags>

export const locationCreate = command({
  path: ['backup-location', 'create'],
  also: [['create', 'backup-location']],
  summary: 'Tell the server of a store for backups',
  args: '<name>',
  flags,
  examples: [
    'lifeboat backup-location create default --provider aws --bucket backups --config region=eu-west-1 --default',
    'lifeboat backup-location create local --provider lifeboat.dev/file --bucket backups --config path=/backups',
  ],
  async run({ args, flags: given, context }) {
    const location = await locationFrom(args[0] ?? '', given, context)
    if (given.output !== undefined) {
      printObjects(context, [location], {
        format: given.output,
        columns: [...locationColumns(), ...labelColumns<BackupStorageLocation>(given)],
        none: '',
      })
      return OK
    }
    const kube = await openCluster(context, given)
    try {
      const { name } = location.metadata
      const namespace = serverNamespace(context, given)
      await installed(BackupStorageLocations, async () => {
        if (given.default === true) await refuseSecondDefault(kube, { name, namespace })
        await kube.create(BackupStorageLocations, location, { namespace, signal: context.signal })
      })
    } finally {
      await kube.close()
    }
    print(context, `Backup storage location "${location.metadata.name}" configured successfully.`)
    return OK
  },
})

async function locationFrom(name: string, given: Given, context: CliContext): Promise<BackupStorageLocation> {
  if (given.provider === undefined) throw new UserError('--provider is needed', { exitCode: USAGE })
  if (given.bucket === undefined) throw new UserError('--bucket is needed', { exitCode: USAGE })
  if (parseDuration(given['backup-sync-period'] ?? '0') < 0)
    throw new UserError('--backup-sync-period cannot be negative', { exitCode: USAGE })
  return {
    apiVersion: apiVersionOf(BackupStorageLocations),
    kind: BackupStorageLocations.kind,
    metadata: {
      name,
      namespace: serverNamespace(context, given),
      ...(given.labels === undefined ? {} : { labels: given.labels }),
    },
    spec: {
      provider: given.provider,
      objectStorage: {
        bucket: given.bucket,
        prefix: given.prefix,
        caCert: given.cacert === undefined ? undefined : await caCertOf(given.cacert, context),
      },
      config: given.config,
      credential: credentialOf(given.credential),
      default: given.default ?? false,
      accessMode: given['access-mode'] ?? 'ReadWrite',
      backupSyncPeriod: given['backup-sync-period'],
      validationFrequency: given['validation-frequency'],
    },
  }
}

import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Installation } from '#install/installation.ts'
import { isAwsPlugin } from '#install/server-words.ts'
import { serverNamespace } from '../connection.ts'
import type { CliContext } from '../context.ts'
import { USAGE, UserError } from '../exit.ts'
import type { InstallFlags } from './install-flags.ts'
import { caCertOf } from './location-fields.ts'

/** The installation that checked flags ask for; reads the files they name. Rejects with UserError. */
export async function installationFrom(given: InstallFlags, context: CliContext): Promise<Installation> {
  const snapshots = given['use-volume-snapshots'] !== false && given.provider !== undefined
  return {
    namespace: serverNamespace(context, given),
    image: given.image ?? `lifeboat:${context.version}`,
    serverArgs: serverArgs(given),
    rights: rights(given),
    serviceAccountName: given['service-account-name'],
    serviceAccountAnnotations: given['sa-annotations'],
    podAnnotations: given['pod-annotations'],
    podLabels: given['pod-labels'],
    priorityClassName: given['server-priority-class-name'],
    resources: {
      requests: {
        cpu: given['velero-pod-cpu-request'] ?? '500m',
        memory: given['velero-pod-mem-request'] ?? '128Mi',
      },
      limits: { cpu: given['velero-pod-cpu-limit'] ?? '1000m', memory: given['velero-pod-mem-limit'] ?? '512Mi' },
    },
    credentials: given['secret-file'] === undefined ? undefined : await textOf(given['secret-file'], context),
    backupLocation: await backupLocation(given, context),
    snapshotLocation: snapshots ? { provider: given.provider, config: given['snapshot-location-config'] } : undefined,
  }
}

async function backupLocation(given: InstallFlags, context: CliContext): Promise<Installation['backupLocation']> {
  const { provider, bucket, prefix, cacert } = given
  if (given['no-default-backup-location'] === true || provider === undefined || bucket === undefined) return undefined
  const caCert = cacert === undefined ? undefined : await caCertOf(cacert, context)
  const config = given['backup-location-config']
  return { provider, config, default: true, objectStorage: { bucket, prefix, caCert } }
}

function rights(given: InstallFlags): Installation['rights'] {
  if (given['least-privilege'] !== true) return 'all'
  return given['backup-only'] === true ? 'read' : 'read-and-restore'
}

function serverArgs(given: InstallFlags): string[] {
  const plugins = modulesOf(given.plugins ?? [])
  const collection = given['garbage-collection-frequency']
  const backups = given['concurrent-backups'] ?? 0
  const features = given.features?.filter((name) => name !== '') ?? []
  return [
    ...(features.length === 0 ? [] : [`--features=${features.join(',')}`]),
    ...(given['default-snapshot-move-data'] === true ? ['--default-snapshot-move-data=true'] : []),
    ...(given['schedule-skip-immediately'] === true ? ['--schedule-skip-immediately=true'] : []),
    ...(collection === undefined ? [] : [`--garbage-collection-frequency=${collection}`]),
    ...(backups === 0 ? [] : [`--concurrent-backups=${backups}`]),
    ...(plugins.length === 0 ? [] : [`--plugins=${plugins.join(',')}`]),
  ]
}

/** Command lines made for Velero name images. Its plug-in for AWS does what is built in here; what another one does would be missing. */
function modulesOf(named: readonly string[]): string[] {
  return named.filter((name) => {
    if (isAwsPlugin(name)) return false
    if (!/:[^/]*$|@sha256:/.test(name)) return true
    throw new UserError(
      `--plugins ${name} is an image: Lifeboat's plug-ins are modules in the image of the server (docs/plugins.md). ` +
        'Leave it out if what it does is built in: stores that speak S3, and everything Velero itself does',
      { exitCode: USAGE },
    )
  })
}

async function textOf(path: string, context: CliContext): Promise<string> {
  return await readFile(resolve(context.cwd, path), 'utf8').catch((error: Error) => {
    throw new UserError(`cannot read --secret-file: ${error.message}`, { cause: error })
  })
}

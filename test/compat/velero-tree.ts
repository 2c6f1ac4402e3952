import { join } from 'node:path'
import type { KubeClient } from '#kube/client.ts'
import type { KubeObject } from '#kube/object.ts'
import { makeHome, serverNamespace as namespace } from '../../bench/installation.ts'
import type { TestCluster } from '../support/cluster.ts'
import * as types from '../support/objects.ts'
import { makeKeys } from '../support/s3-location.ts'
import type { S3Server } from '../support/s3-server.ts'
import { eventually, startServer } from '../support/server.ts'
import { startVeleroServer, veleroClient, type VeleroClient } from '../support/velero.ts'

/** Which server does what the client asks for. */
export type Host = 'velero' | 'lifeboat'

/** A server, Velero's client in front of it, and something to back up in the namespace `shop`. */
export interface TreeSite extends AsyncDisposable {
  readonly host: Host
  readonly client: VeleroClient
  /** Where the client works. */
  readonly directory: string
}

/** Has Velero's client install its definitions into an empty cluster, and starts a server there. `directory` is for what the programs write, `keys` are those of S3 servers by the name of their Secret. */
export async function openTreeSite(
  host: Host,
  cluster: TestCluster,
  { keys, directory, signal }: { keys: Readonly<Record<string, S3Server>>; directory: string; signal: AbortSignal },
): Promise<TreeSite> {
  const { kube, kubeconfigPath } = cluster
  await using opened = new AsyncDisposableStack()
  const client = await veleroClient({ kubeconfigPath, directory: join(directory, 'client'), seconds: 180 })
  await client('install', '--crds-only')
  await makeHome(kube, signal)
  for (const [name, s3] of Object.entries(keys)) await makeKeys(kube, namespace, s3, name)
  await furnish(cluster)
  if (host === 'velero') {
    const server = { kubeconfigPath, credentials: {}, directory: join(directory, 'server'), concurrentBackups: 3 }
    const program = await startVeleroServer({ ...server, signal })
    opened.defer(() => program.kill())
  } else {
    const server = opened.use(startServer({ kubeconfigPath, namespace, args: ['--concurrent-backups', '3'] }))
    await server.leads()
  }
  const kept = opened.move()
  return {
    host,
    client,
    directory: join(directory, 'client'),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

async function furnish({ kube }: TestCluster): Promise<void> {
  const { make, ...kinds } = types
  const at = { namespace: 'shop' }
  await make(kube, kinds.Namespaces, { name: 'shop' })
  const labels = { app: 'web' }
  await make(kube, kinds.ConfigMaps, { ...at, name: 'prices', metadata: { labels }, data: { apple: '1' } })
  await make(kube, kinds.Secrets, { ...at, name: 'keys', stringData: { key: 'x' } })
  await make(kube, kinds.ServiceAccounts, { ...at, name: 'web' })
  await make(kube, kinds.Services, { ...at, name: 'web', spec: { clusterIP: 'None', ports: [{ port: 80 }] } })
  const template = { metadata: { labels }, spec: { containers: [{ name: 'web', image: 'web' }] } }
  const spec = { replicas: 0, selector: { matchLabels: labels }, template }
  await make(kube, kinds.Deployments, { ...at, name: 'web', spec })
  // Whether Velero finds it changed in a new namespace depends on how quick the controller is.
  const left = { merge: { metadata: { labels: { 'velero.io/exclude-from-backup': 'true' } } } }
  const patched = (): Promise<KubeObject> => kube.patch(kinds.ConfigMaps, 'kube-root-ca.crt', left, at)
  await eventually(() => patched().catch(() => undefined))
  await defineGroupSnapshots(kube)
}

/** Without this type Velero warns of it in every restore. */
async function defineGroupSnapshots(kube: KubeClient): Promise<void> {
  const [group, plural] = ['groupsnapshot.storage.k8s.io', 'volumegroupsnapshotcontents']
  const openAPIV3Schema = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true }
  await types.make(kube, types.Definitions, {
    name: `${plural}.${group}`,
    metadata: { annotations: { 'api-approved.kubernetes.io': 'unapproved, of a test' } },
    spec: {
      group,
      scope: 'Cluster',
      names: { plural, kind: 'VolumeGroupSnapshotContent' },
      versions: [{ name: 'v1beta2', served: true, storage: true, schema: { openAPIV3Schema } }],
    },
  })
}

/** What may differ from one run of the same command to the next: times, ages, uids, addresses, generated parts of names, the width of columns. */
export function evened(text: string, words: Readonly<Record<string, string>>): string[] {
  let even = text
  for (const [word, name] of Object.entries(words)) even = even.replaceAll(word, name)
  return even
    .replaceAll(/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z| [+-]\d{4} [+\w]+)/g, 'TIME')
    .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'UID')
    .replaceAll(/(?<=-)\d{14}\b/g, 'STAMP')
    .replaceAll(/\b\d+(s|m|m\d+s)( ago)?(?= {2}|$)/gm, 'AGE')
    .replaceAll(/^\.+\n?/gm, '')
    .replaceAll(/(?<=\S) {2,}/g, '  ')
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => line !== '')
}

// When a location was looked through, and that a schedule skips nothing, Velero writes later than we, and where we leave it open.
const madeAnew = [
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'managedFields',
  'lastSyncedTime',
  'skipImmediately',
]

/** An object, or a list of some, as the client prints it, without what each API server makes up itself. */
export function evenedObject(text: string, words: Readonly<Record<string, string>>): unknown {
  return JSON.parse(evened(text, words).join('\n'), (key, value: unknown) => {
    return madeAnew.includes(key) ? undefined : value
  }) as KubeObject
}

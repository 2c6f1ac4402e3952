import { Backups, type BackupStatus } from '#api/backup.ts'
import { Restores } from '#api/restore.ts'
import { decodeResults } from '#archive/results.ts'
import { decodeVolumeSnapshots, type NativeSnapshot } from '#archive/volume-snapshots.ts'
import type { KubeClient } from '#kube/client.ts'
import { fileStore } from '#store/file.ts'
import { backupKey, restoreKey } from '#store/layout.ts'
import type { ObjectStore } from '#store/store.ts'
import { scratchFolder } from './cli.ts'
import { sharedCluster, testNamespace } from './cluster.ts'
import { deleteVolumes, makeEbsClaim, makeSnapshotLocation } from './ebs-site.ts'
import { ec2Gate, type Ec2Call, type Ec2Gate, type Ec2Refusal } from './ec2-gate.ts'
import { ec2Env, ec2Server, type Ec2Server } from './moto.ts'
import { Namespaces } from './objects.ts'
import { askForBackup, askForRestore, ended, eventually, installKinds, makeLocation } from './server.ts'
import { startServerHere } from './server-here.ts'

/** The shared cluster beside an EC2 that can be told to refuse. */
export interface EbsBench extends AsyncDisposable {
  readonly kube: KubeClient
  readonly ec2: Ec2Server
  readonly gate: Ec2Gate
  /** For code that is to reach EC2 through the gate. */
  readonly env: Readonly<Record<string, string>>
  /** From now on, until the site is gone. */
  refuse(rule: (call: Ec2Call) => Ec2Refusal | undefined): void
  /** A server with a location `ebs`, and a namespace to back up. */
  site(location?: Parameters<typeof makeSnapshotLocation>[2]): Promise<EbsSite>
}

export interface EbsSite extends AsyncDisposable {
  readonly server: string
  readonly app: string
  readonly store: ObjectStore
  /** Makes the claim `name` in `app`; the id of its EBS volume. */
  claim(name: string, options?: { inTree?: boolean; volumeType?: 'gp3' | 'io2' }): Promise<string>
  /** Makes the backup `name` of `app`; its end, and what it says went wrong. */
  backUp(name: string, spec?: object): Promise<{ status: BackupStatus; errors: string[]; warnings: string[] }>
  natives(backup: string): Promise<NativeSnapshot[]>
  restore(name: string, spec: object): Promise<{ phase: string | undefined; errors: string[] }>
  /** As after a disaster: nothing of the application is left. */
  lose(): Promise<void>
}

/** Starts EC2 and the gate. */
export async function ebsBench(): Promise<EbsBench> {
  const { kube } = await sharedCluster()
  await installKinds(kube)
  const ec2 = await ec2Server()
  let rule: (call: Ec2Call) => Ec2Refusal | undefined = () => undefined
  const gate = await ec2Gate(ec2.endpoint, { refusal: (call) => rule(call) })
  const env = { ...ec2Env, AWS_ENDPOINT_URL_EC2: gate.endpoint }
  return {
    kube,
    ec2,
    gate,
    env,
    refuse: (next) => void (rule = next),
    async site(location) {
      const site = await openSite({ kube, ec2, env }, location)
      return {
        ...site,
        async [Symbol.asyncDispose]() {
          rule = () => undefined
          await site[Symbol.asyncDispose]()
        },
      }
    },
    async [Symbol.asyncDispose]() {
      await gate[Symbol.asyncDispose]()
      await ec2[Symbol.asyncDispose]()
      await kube.close()
    },
  }
}

async function openSite(
  { kube, ec2, env }: Pick<EbsBench, 'kube' | 'ec2' | 'env'>,
  location: Parameters<typeof makeSnapshotLocation>[2],
): Promise<EbsSite> {
  await using stack = new AsyncDisposableStack()
  const server = stack.use(await testNamespace(kube)).name
  const app = stack.use(await testNamespace(kube)).name
  const folder = stack.use(await scratchFolder())
  await makeLocation(kube, server, { path: folder.path, spec: { default: true } })
  await makeSnapshotLocation(kube, server, location)
  stack.use(startServerHere({ kube, namespace: server, now: () => new Date(), config: { env } }))
  const volumes: string[] = []
  stack.defer(() => deleteVolumes(kube, volumes))
  const store = fileStore(folder.path)
  const results = async (key: string) => decodeResults(await store.get(key))
  const opened = stack.move()
  return {
    server,
    app,
    store,
    async claim(name, { inTree = false, volumeType = 'gp3' } = {}) {
      const volumeId = await ec2.makeVolume({ VolumeType: volumeType, ...(volumeType === 'io2' && { Iops: 700 }) })
      volumes.push(`${app}-${name}`)
      await makeEbsClaim(kube, { namespace: app, name, volumeId, inTree })
      return volumeId
    },
    async backUp(name, spec = {}) {
      await askForBackup(kube, server, { name, spec: { includedNamespaces: [app], ...spec } })
      const { status = {} } = await ended(kube, Backups, { name, namespace: server, seconds: 90 })
      const stored = status.phase === 'Completed' || status.phase === 'PartiallyFailed'
      const { errors, warnings } = stored ? await results(backupKey(name, 'results')) : { errors: {}, warnings: {} }
      return { status, errors: textsIn(errors), warnings: textsIn(warnings) }
    },
    natives: async (backup) => decodeVolumeSnapshots(await store.get(backupKey(backup, 'volume-snapshots'))),
    async restore(name, spec) {
      await askForRestore(kube, server, { name, spec })
      const { status } = await ended(kube, Restores, { name, namespace: server, seconds: 90 })
      return { phase: status?.phase, errors: textsIn((await results(restoreKey(name, 'results'))).errors) }
    },
    async lose() {
      await kube.delete(Namespaces, app)
      await eventually(async () => ((await kube.find(Namespaces, app)) === undefined ? true : undefined), 60)
      await deleteVolumes(kube, volumes)
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

function textsIn(buckets: { velero?: string[]; cluster?: string[]; namespaces?: Record<string, string[]> }): string[] {
  return [...(buckets.velero ?? []), ...(buckets.cluster ?? []), ...Object.values(buckets.namespaces ?? {}).flat()]
}

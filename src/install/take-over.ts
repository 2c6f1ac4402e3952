import { setTimeout as sleep } from 'node:timers/promises'
import { BackupStorageLocations } from '#api/backup-storage-location.ts'
import { Backups } from '#api/backup.ts'
import { serverService } from '#api/download-request.ts'
import { Restores } from '#api/restore.ts'
import type { KubeClient } from '#kube/client.ts'
import { KubeError } from '#kube/error.ts'
import type { KubeObject, ResourceType } from '#kube/object.ts'
import { recordAnnotation, type DeploymentSpec } from './adoption.ts'
import { InstallError } from './error.ts'
import { Deployments, installedLabel, serverName, serviceFor, Services } from './installation.ts'
import { Pods } from '#kube/core-types.ts'
import { allOf } from './remove.ts'

/** Where, and for how long at most. */
export interface TakeOverOptions {
  readonly namespace: string
  readonly signal: AbortSignal
  /** How long the pods of the server before may take to go. */
  readonly seconds: number
}

/** What lies around the Deployment and matters when its server changes. Texts are for people. */
export interface Surroundings {
  /** Backups and restores that a server is working on: `backup nightly`. */
  readonly inProgress: readonly string[]
  /** Locations by the providers that they name. */
  readonly locations: readonly { readonly name: string; readonly provider: string }[]
  /** Whether the Service by which our server's files come through the API server is there, or something else under its name. */
  readonly hasService: boolean
  /** DaemonSets of node agents. */
  readonly nodeAgents: readonly string[]
}

const DaemonSets: ResourceType = { ...Deployments, plural: 'daemonsets', kind: 'DaemonSet' }

/** The Deployment that an installer made. Rejects with InstallError 'refused' where there is none. */
export async function installedServer(kube: KubeClient, namespace: string, signal: AbortSignal): Promise<KubeObject> {
  const deployment = await kube.find(Deployments, serverName, { namespace, signal })
  if (deployment !== undefined) return deployment
  throw new InstallError(
    'refused',
    `there is no Deployment ${namespace}/${serverName}: nothing is installed in this namespace`,
  )
}

/** Looks around; changes nothing. Rejects with KubeError. */
export async function lookAround(kube: KubeClient, namespace: string, signal: AbortSignal): Promise<Surroundings> {
  const all = <T extends KubeObject>(type: ResourceType<T>): Promise<T[]> => allOf(kube, type, { namespace, signal })
  const [backups, restores, locations, daemonSets, service] = await Promise.all([
    all(Backups),
    all(Restores),
    all(BackupStorageLocations),
    all(DaemonSets),
    kube.find(Services, serverService.name, { namespace, signal }),
  ])
  const working = ({ status }: { status?: { phase?: string | undefined } | undefined }): boolean =>
    status?.phase === 'InProgress'
  return {
    inProgress: [
      ...backups.filter(working).map(({ metadata }) => `backup ${metadata.name}`),
      ...restores.filter(working).map(({ metadata }) => `restore ${metadata.name}`),
    ],
    locations: locations.map(({ metadata, spec }) => ({ name: metadata.name, provider: spec.provider })),
    hasService: service !== undefined,
    nodeAgents: daemonSets.map(({ metadata }) => metadata.name).filter((name) => name.startsWith('node-agent')),
  }
}

/**
 * Lets another server take the place of the one that runs: stops that first, so that never two work, then writes `wanted`. What is needed to go on
 * is on the Deployment before its pods go: after an interruption the same command ends the work. Rejects with InstallError 'timeout' or KubeError.
 */
export async function changeServers(
  kube: KubeClient,
  { wanted, record }: { wanted: KubeObject; record: DeploymentSpec },
  options: TakeOverOptions,
): Promise<void> {
  const { namespace, signal } = options
  const annotations = { [recordAnnotation]: JSON.stringify(record) }
  await kube.patch(
    Deployments,
    serverName,
    { merge: { metadata: { annotations }, spec: { replicas: 0 } } },
    { namespace, signal },
  )
  await untilNoPods(kube, wanted, options)
  await writeServer(kube, wanted, options)
}

/** Writes `spec` and our annotation of `wanted`; whatever else is on the Deployment by now stays. */
export async function writeServer(
  kube: KubeClient,
  wanted: KubeObject,
  { namespace, signal }: Omit<TakeOverOptions, 'seconds'>,
): Promise<void> {
  for (;;) {
    const { metadata, ...now } = await kube.get(Deployments, serverName, { namespace, signal })
    const { [recordAnnotation]: _, ...annotations } = metadata.annotations ?? {}
    const record = wanted.metadata.annotations?.[recordAnnotation]
    if (record !== undefined) annotations[recordAnnotation] = record
    try {
      const next = { ...now, metadata: { ...metadata, annotations }, spec: wanted['spec'] }
      await kube.replace(Deployments, next, { namespace, signal })
      return
    } catch (error) {
      // The controller writes its status meanwhile.
      if (!(error instanceof KubeError) || error.problem !== 'conflict') throw error
    }
  }
}

/** Makes the Service of our server, for the pods of the adopted `deployment`, where nothing has its name. Rejects with KubeError. */
export async function addService(
  kube: KubeClient,
  deployment: KubeObject,
  { namespace, signal }: Omit<TakeOverOptions, 'seconds'>,
): Promise<void> {
  const { type, object } = serviceFor(namespace, podLabels(deployment))
  if ((await kube.find(type, object.metadata.name, { namespace, signal })) === undefined)
    await kube.create(type, object, { namespace, signal })
}

/** Takes away what `addService` has made. */
export async function removeService(
  kube: KubeClient,
  { namespace, signal }: Omit<TakeOverOptions, 'seconds'>,
): Promise<void> {
  const found = await kube.find(Services, serverService.name, { namespace, signal })
  if (found?.metadata.labels?.['component'] !== installedLabel.component) return
  await kube.delete(Services, serverService.name, { namespace, uid: found.metadata.uid, signal })
}

function podLabels(deployment: KubeObject): Readonly<Record<string, string>> {
  const { selector } = deployment['spec'] as { selector: { matchLabels?: Record<string, string> } }
  return selector.matchLabels ?? {}
}

async function untilNoPods(kube: KubeClient, deployment: KubeObject, options: TakeOverOptions): Promise<void> {
  const { namespace, seconds, signal } = options
  const labelSelector = Object.entries(podLabels(deployment))
    .map(([key, value]) => `${key}=${value}`)
    .join(',')
  const deadline = AbortSignal.timeout(seconds * 1000)
  for (;;) {
    const { items } = await kube.list(Pods, { namespace, labelSelector, signal })
    if (items.length === 0) return
    if (deadline.aborted) {
      const names = items.map(({ metadata }) => metadata.name).join(', ')
      throw new InstallError(
        'timeout',
        `pods of the server before are still there after ${seconds} s (${names}): find out what holds them, then run the same again`,
      )
    }
    await sleep(200, undefined, { signal })
  }
}

import { isDeepStrictEqual } from 'node:util'
import { setTimeout as sleep } from 'node:timers/promises'
import { allCrds, CustomResourceDefinitions, type CustomResourceDefinition } from '#api/crd.ts'
import type { KubeClient } from '#kube/client.ts'
import type { KubeObject } from '#kube/object.ts'
import { containerName } from './deployment.ts'
import { InstallError } from './error.ts'
import { Deployments, serverName, type Installed } from './installation.ts'

const FIELD_MANAGER = 'lifeboat-cli'
const SERVED_WITHIN_MS = 60_000

/** What became of one object. `left`: it was there, and was not looked into. */
export type Put = 'created' | 'changed' | 'unchanged' | 'left'

export interface PutOptions {
  readonly signal: AbortSignal
  /** Whether objects that are there are brought to what they should be. */
  readonly update: boolean
  /** Told of each object, once it is there. */
  readonly onPut: (what: string, put: Put) => void
}

/** Brings the definitions of our kinds up to date and waits until they are served. Rejects with KubeError, or InstallError 'timeout' after a minute. */
export async function putDefinitions(kube: KubeClient, options: Omit<PutOptions, 'update'>): Promise<void> {
  const crds = allCrds()
  for (const crd of crds) {
    // Force: fields that Velero's installer owns are the same in ours; taking them over is what an upgrade in place means.
    await put(
      kube,
      { type: CustomResourceDefinitions, object: crd as unknown as KubeObject },
      { ...options, update: true },
    )
  }
  const deadline = AbortSignal.timeout(SERVED_WITHIN_MS)
  for (const { metadata } of crds) {
    while (!isEstablished(await kube.get(CustomResourceDefinitions, metadata.name, options))) {
      if (deadline.aborted) {
        const problem = `${metadata.name} is not served a minute after it was applied`
        throw new InstallError('timeout', `${problem}; see kubectl describe crd ${metadata.name}`)
      }
      await sleep(100, undefined, { signal: options.signal })
    }
  }
}

/** Puts everything into the cluster, in its order. Rejects with KubeError. */
export async function putObjects(kube: KubeClient, objects: readonly Installed[], options: PutOptions): Promise<void> {
  for (const one of objects) await put(kube, one, options)
}

/** Rejects with InstallError 'occupied' when the server in `namespace` is not ours: both would do the same work, and one would undo the other. */
export async function refuseOtherServer(kube: KubeClient, namespace: string, signal: AbortSignal): Promise<void> {
  const deployment = await kube.find(Deployments, serverName, { namespace, signal })
  const spec = deployment?.['spec'] as { template?: { spec?: { containers?: { name: string }[] } } } | undefined
  const containers = spec?.template?.spec?.containers ?? []
  if (deployment === undefined || containers.some(({ name }) => name === containerName)) return
  throw new InstallError(
    'occupied',
    `Deployment ${namespace}/${serverName} runs another server (container ${containers.map(({ name }) => name).join(', ')}); nothing was changed. ` +
      `Take it over, with all that it has: lifeboat install --adopt --namespace ${namespace}`,
  )
}

/** Applied rather than created, so that a later `update` takes away what is not wanted any more. */
async function put(kube: KubeClient, { type, object }: Installed, options: PutOptions): Promise<void> {
  const { name, namespace } = object.metadata
  const where = { namespace, signal: options.signal }
  const before = await kube.find(type, name, where)
  const what = `${object.kind}/${name}`
  if (before !== undefined && !options.update) {
    options.onPut(what, 'left')
    return
  }
  // The role of a binding cannot be changed.
  if (before !== undefined && !isDeepStrictEqual(before['roleRef'], object['roleRef']))
    await kube.delete(type, name, { ...where, uid: before.metadata.uid })
  const after = await kube.apply(type, object, { ...where, fieldManager: FIELD_MANAGER, force: true })
  options.onPut(what, outcome(before, after))
}

function outcome(before: KubeObject | undefined, after: KubeObject): Put {
  if (before === undefined) return 'created'
  return before.metadata.resourceVersion === after.metadata.resourceVersion ? 'unchanged' : 'changed'
}

function isEstablished({ status }: CustomResourceDefinition): boolean {
  return (status?.conditions ?? []).some(({ type, status }) => type === 'Established' && status === 'True')
}

import { setTimeout as sleep } from 'node:timers/promises'
import type { KubeClient } from '#kube/client.ts'
import type { KubeObject } from '#kube/object.ts'
import { InstallError } from './error.ts'
import { Deployments, serverName } from './installation.ts'

/** How far the pods of a Deployment are those it asks for, and at work. */
export type Rollout = { readonly done: true } | { readonly done: false; readonly why: string }

interface DeploymentStatus {
  observedGeneration?: number
  updatedReplicas?: number
  replicas?: number
  availableReplicas?: number
  conditions?: { type: string; status: string; message?: string }[]
}

/** Whether every pod is of the newest template and available; else why not, in the cluster's words where it has some. */
export function rollout(deployment: KubeObject): Rollout {
  const { replicas = 1 } = (deployment['spec'] ?? {}) as { replicas?: number }
  const status = (deployment['status'] ?? {}) as DeploymentStatus
  const { observedGeneration = 0, updatedReplicas = 0, availableReplicas = 0, conditions = [] } = status
  if (observedGeneration < (deployment.metadata.generation ?? 0)) return wait('the cluster has not looked at it yet')
  if (updatedReplicas < replicas) return wait(`${updatedReplicas} of ${replicas} pods are of the newest template`)
  if ((status.replicas ?? 0) > updatedReplicas) return wait('pods of the template before have not gone yet')
  if (availableReplicas >= replicas) return { done: true }
  const told = conditions.find((condition) => condition.status === 'False')?.message
  return wait(`${availableReplicas} of ${replicas} pods are available${told === undefined ? '' : ` (${told})`}`)
}

const wait = (why: string): Rollout => ({ done: false, why })

/** Waits until the server in `namespace` is available. Rejects with InstallError 'timeout' after `seconds`. */
export async function untilRolledOut(
  kube: KubeClient,
  { namespace, seconds, signal }: { namespace: string; seconds: number; signal: AbortSignal },
): Promise<void> {
  const deadline = AbortSignal.timeout(seconds * 1000)
  for (;;) {
    const state = rollout(await kube.get(Deployments, serverName, { namespace, signal }))
    if (state.done) return
    if (deadline.aborted) {
      const problem = `everything is installed, but the server is not available after ${seconds} s: ${state.why}`
      throw new InstallError(
        'timeout',
        `${problem}; see kubectl --namespace ${namespace} describe pods -l deploy=velero`,
      )
    }
    await sleep(500, undefined, { signal })
  }
}

import { CustomResourceDefinitions } from '#api/crd.ts'
import type { KubeClient } from '#kube/client.ts'
import type { KubeObject } from '#kube/object.ts'
import { setTimeout as sleep } from 'node:timers/promises'
import { UserError } from '../exit.ts'

const WAIT_MS = 60_000

/** Waits up to a minute until the definitions are established, so that the next command finds their types. */
export async function untilServed(kube: KubeClient, names: readonly string[], signal: AbortSignal): Promise<void> {
  const deadline = AbortSignal.timeout(WAIT_MS)
  for (const name of names) {
    while (!isEstablished(await kube.get(CustomResourceDefinitions, name, { signal }))) {
      if (deadline.aborted)
        throw new UserError(`${name} is not served a minute after it was applied; see kubectl describe crd ${name}`)
      await sleep(100, undefined, { signal })
    }
  }
}

function isEstablished(crd: KubeObject): boolean {
  const { conditions = [] } = (crd['status'] ?? {}) as { conditions?: { type: string; status: string }[] }
  return conditions.some(({ type, status }) => type === 'Established' && status === 'True')
}

import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { ServerStatusRequests, type ServerStatusRequestStatus } from '#api/server-status-request.ts'
import type { KubeClient } from '#kube/client.ts'
import { apiVersionOf } from '#kube/object.ts'
import { UserError } from './exit.ts'
import { installed } from './server-door.ts'

const POLL_MS = 250

/** Where the server is, and how long it may take. */
export interface StatusOptions {
  readonly namespace: string
  readonly timeoutMillis: number
  readonly signal: AbortSignal
}

/** What the server, ours or Velero's, says of itself. UserError when none answers in time. */
export async function serverStatus(kube: KubeClient, options: StatusOptions): Promise<ServerStatusRequestStatus> {
  const { namespace, timeoutMillis, signal } = options
  const { kind } = ServerStatusRequests
  const name = `lifeboat-cli-${randomUUID().slice(0, 8)}`
  const request = { apiVersion: apiVersionOf(ServerStatusRequests), kind, metadata: { name, namespace }, spec: {} }
  await installed(ServerStatusRequests, () => kube.create(ServerStatusRequests, request, { namespace, signal }))
  const deadline = AbortSignal.timeout(timeoutMillis)
  for (;;) {
    // The server removes what it has answered after a while.
    const status = (await kube.find(ServerStatusRequests, name, { namespace, signal }))?.status
    if (status?.phase === 'Processed') return status
    if (deadline.aborted) {
      await kube.delete(ServerStatusRequests, name, { namespace })
      throw new UserError(
        `no server answered in namespace ${namespace}: is one running? kubectl --namespace ${namespace} get pods --selector deploy=velero`,
      )
    }
    await sleep(POLL_MS, undefined, { signal })
  }
}

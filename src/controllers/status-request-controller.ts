import { ServerStatusRequests, type ServerStatusRequest } from '#api/server-status-request.ts'
import { actionsOf, type PluginModule } from '#plugins/open.ts'
import type { Controller, Next } from '#runtime/controller.ts'
import { patchLasting } from './status-patch.ts'
import { timestamp } from '#api/timestamp.ts'

export interface StatusRequestControllerOptions {
  readonly version: string
  readonly plugins: readonly PluginModule[]
}

const KEEP_PROCESSED_MS = 60_000

interface ListedPlugin {
  readonly name: string
  readonly kind: string
}

/** What Velero calls plugins: the providers of locations that store/ knows. */
const builtIn: readonly ListedPlugin[] = [
  { name: 'lifeboat.dev/file', kind: 'ObjectStore' },
  { name: 'velero.io/aws', kind: 'ObjectStore' },
]

/** Tells clients (`velero version`, `velero plugin get`) that a server is there and which; an answer is removed after a minute (spec/server.md §11). */
export function statusRequestController(options: StatusRequestControllerOptions): Controller<ServerStatusRequest> {
  const plugins = [...builtIn, ...options.plugins.flatMap((plugin) => actionsOf(plugin))]
  return {
    name: 'server-status-request',
    type: ServerStatusRequests,
    workers: 2,
    async reconcile({ metadata: { name }, status }, { kube, namespace, now }): Promise<Next> {
      if (status?.phase === 'Processed') {
        const left = Date.parse(String(status.processedTimestamp)) + KEEP_PROCESSED_MS - now().getTime()
        // A time that makes no sense is past.
        if (left > 0) return { afterMillis: left }
        await kube.delete(ServerStatusRequests, name, { namespace })
        return undefined
      }
      const answer = {
        phase: 'Processed',
        processedTimestamp: timestamp(now()),
        serverVersion: options.version,
        plugins,
      }
      await patchLasting(kube, ServerStatusRequests, { name, namespace, change: { status: answer } })
      return undefined
    },
  }
}

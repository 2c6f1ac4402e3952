import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import { messageOf } from '#runtime/controller.ts'
import { download, type DownloadOptions } from './download-route.ts'
import type { ServerMetrics } from './metrics.ts'

export interface HttpOptions extends DownloadOptions {
  readonly metrics: ServerMetrics
  /** True while this process does the work, or could take it over. */
  readonly ready: () => boolean
}

/** `/healthz`, `/readyz`, `/metrics`, and `/download` for files of backups and restores. */
export function httpApplication(options: HttpOptions): Hono {
  const app = new Hono()
  app.get('/healthz', (request) => request.text('ok\n'))
  app.get('/readyz', (request) => (options.ready() ? request.text('ok\n') : request.text('not ready\n', 503)))
  app.get('/metrics', async (request) => {
    const { registry } = options.metrics
    return request.body(await registry.metrics(), 200, { 'content-type': registry.contentType })
  })
  app.get('/download', (request) => download(request, options))
  app.onError((error, request) => {
    options.log.error({ path: request.req.path, error: messageOf(error) }, 'request failed')
    return request.text('the server could not do this; its log says why\n', 500)
  })
  return app
}

/** Listens; resolves to the server and its `host:port`. Rejects when the address is taken. */
export async function listen(
  app: Hono,
  address: { host: string; port: number },
): Promise<{ server: Server; address: string }> {
  const listener = getRequestListener(app.fetch)
  const server = createServer((request, response) => void listener(request, response))
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen(address.port, ...(address.host === '' ? [] : [address.host]), resolve)
  await promise
  server.off('error', reject)
  const { port } = server.address() as AddressInfo
  const host = address.host.includes(':') ? `[${address.host}]` : address.host
  return { server, address: `${host === '' ? '127.0.0.1' : host}:${port}` }
}

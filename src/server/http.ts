import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import type { LocationStores } from '#controllers/location-stores.ts'
import { messageOf, type ProcessLog } from '#runtime/controller.ts'
import { StoreError } from '#store/store.ts'
import type { ServerMetrics } from './metrics.ts'
import { readLink } from './signed-link.ts'

export interface HttpOptions {
  readonly metrics: ServerMetrics
  readonly stores: LocationStores
  readonly linkSecret: Uint8Array
  readonly now: () => Date
  readonly log: ProcessLog
  /** True while this process does the work, or could take it over. */
  readonly ready: () => boolean
}

/** `/healthz`, `/readyz`, `/metrics`, and `/download` for files of stores that cannot sign URLs themselves. */
export function httpApplication(options: HttpOptions): Hono {
  const app = new Hono()
  app.get('/healthz', (request) => request.text('ok\n'))
  app.get('/readyz', (request) => (options.ready() ? request.text('ok\n') : request.text('not ready\n', 503)))
  app.get('/metrics', async (request) => {
    const { registry } = options.metrics
    return request.body(await registry.metrics(), 200, { 'content-type': registry.contentType })
  })
  app.get('/download', (request) => download(new URL(request.req.url).searchParams, options))
  app.onError((error, request) => {
    options.log.error({ path: request.req.path, error: messageOf(error) }, 'request failed')
    return request.text('the server could not do this; its log says why\n', 500)
  })
  return app
}

async function download(query: URLSearchParams, { stores, linkSecret, now }: HttpOptions): Promise<Response> {
  const target = readLink(query, { secret: linkSecret, now: now() })
  if (target === undefined) return new Response('this link is not valid, or not any more\n', { status: 403 })
  const store = await stores.openNamed(target.location)
  try {
    const bytes = Readable.from(await store.get(target.key))
    // 'close' also comes when the client goes away in the middle.
    bytes.once('close', () => void store.close().catch(() => undefined))
    return new Response(Readable.toWeb(bytes) as ReadableStream, {
      headers: { 'content-type': 'application/octet-stream' },
    })
  } catch (error) {
    await store.close()
    if (error instanceof StoreError && error.problem === 'missing') return new Response('not found\n', { status: 404 })
    throw error
  }
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

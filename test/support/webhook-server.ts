import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A request as the server got it. */
export interface Hook {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** A server for webhooks on 127.0.0.1 that keeps what it gets. */
export interface WebhookServer extends AsyncDisposable {
  /** `http://127.0.0.1:port` */
  readonly url: string
  readonly hooks: readonly Hook[]
}

/** Starts it. `status` says what is answered to each request; those that are no success are not kept. */
export async function webhookServer(status: () => number = () => 200): Promise<WebhookServer> {
  const hooks: Hook[] = []
  const server = createServer((request, response) => {
    void (async () => {
      const body = Buffer.concat((await request.toArray()) as Buffer[]).toString()
      const code = status()
      if (code < 300) hooks.push({ path: request.url ?? '', headers: request.headers, body })
      response.writeHead(code, { location: '/elsewhere' }).end(code < 300 ? 'ok' : 'not now')
    })()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    hooks,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { request as httpsRequest, type RequestOptions } from 'node:https'
import type { KubeClient } from '#kube/client.ts'
import { loadKubeConfig } from '#kube/config.ts'
import { connect, type ConnectOptions } from '#kube/connect.ts'
import { pemOf } from './raw-api.ts'

/** What becomes of one request instead of a good answer: `cut` sends half of the real answer and breaks off. */
export type Fault = 'reset' | 'cut' | 'hang' | { readonly status: number; readonly body: string }

/** A client whose requests go through a proxy that spoils some of them. Behind it is the real API server. */
export interface FaultyApi extends AsyncDisposable {
  readonly kube: KubeClient
}

/**
 * Puts a proxy before the API server of a kubeconfig. `decide` is asked before each request is passed on and may do something to the
 * cluster meanwhile; undefined lets the request through. `headers` are added to every request.
 */
export async function faultyApi(
  kubeconfigPath: string,
  decide: (url: URL) => Fault | undefined | Promise<Fault | undefined>,
  options: ConnectOptions & { headers?: Record<string, string> } = {},
): Promise<FaultyApi> {
  const config = await loadKubeConfig({ env: {}, home: '/', kubeconfig: kubeconfigPath })
  const upstream: RequestOptions = {
    ca: await pemOf(config.ca),
    cert: await pemOf(config.user.certificate?.cert),
    key: await pemOf(config.user.certificate?.key),
  }
  const server = createServer((request, response) => {
    void (async () => {
      const url = new URL(request.url ?? '/', config.server)
      const fault = await decide(url)
      await answer(request, response, { url, fault, upstream, added: options.headers ?? {} })
    })().catch(() => response.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const kube = connect({ ...config, server: `http://127.0.0.1:${port}`, user: {}, ca: undefined }, options)
  return {
    kube,
    async [Symbol.asyncDispose]() {
      await kube.close()
      server.closeAllConnections()
      server.close()
    },
  }
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  {
    url,
    fault,
    upstream,
    added,
  }: {
    url: URL
    fault: Fault | undefined
    upstream: RequestOptions
    added: Record<string, string>
  },
): Promise<void> {
  if (fault === 'hang') return
  if (fault === 'reset') return void request.socket.destroy()
  if (typeof fault === 'object') return void response.writeHead(fault.status).end(fault.body)
  const headers = { ...request.headers, ...added, host: url.host }
  const sent = httpsRequest(url, {
    ...upstream,
    method: request.method ?? 'GET',
    headers,
  })
  request.pipe(sent)
  const [real] = (await once(sent, 'response')) as [IncomingMessage]
  const body = Buffer.concat((await Array.fromAsync(real)) as Buffer[])
  const { 'transfer-encoding': _chunked, ...answered } = real.headers
  response.writeHead(real.statusCode ?? 502, { ...answered, 'content-length': body.length })
  if (fault !== 'cut') return void response.end(body)
  response.write(body.subarray(0, body.length >> 1), () => response.destroy())
}

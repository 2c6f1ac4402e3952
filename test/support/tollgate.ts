import { once } from 'node:events'
import { createServer, type IncomingMessage, request as httpRequest, type ServerResponse } from 'node:http'
import { request as httpsRequest, type RequestOptions } from 'node:https'
import { loadKubeConfig } from '#kube/config.ts'
import { changedKubeconfig } from './kubeconfig.ts'
import { pemOf } from './raw-api.ts'

/** One request on its way: `arrived` before it is passed on, `answered` when it was done and its answer is about to be passed back. */
export interface Passage {
  readonly moment: 'arrived' | 'answered'
  readonly method: string
  /** With query. */
  readonly path: string
}

/** What a guard answers in place of the server. */
export interface Refusal {
  readonly status: number
  readonly body: string
}

/** Looks at each request twice; whatever it does is done before the request or its answer goes on. False: it goes no further. */
export type Guard = (passage: Passage) => boolean | Refusal | Promise<boolean | Refusal>

/** A proxy on 127.0.0.1 before a real server; answers stream through. */
export interface Tollgate extends AsyncDisposable {
  /** `http://127.0.0.1:port` */
  readonly url: string
}

/** Puts a proxy before the server at `url`, to which it adds `credentials`. */
export async function tollgate(url: string, guard: Guard, credentials: RequestOptions = {}): Promise<Tollgate> {
  const server = createServer((request, response) => {
    void passOn(request, response, { upstream: new URL(url), guard, credentials }).catch(() => response.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** A proxy before the API server of a kubeconfig, and a kubeconfig in `folder` that leads through it with the same rights. */
export async function apiTollgate(
  kubeconfigPath: string,
  folder: string,
  guard: Guard,
): Promise<Tollgate & { kubeconfigPath: string }> {
  const { server, ca, user } = await loadKubeConfig({ env: {}, home: '/', kubeconfig: kubeconfigPath })
  const gate = await tollgate(server, guard, {
    ca: await pemOf(ca),
    cert: await pemOf(user.certificate?.cert),
    key: await pemOf(user.certificate?.key),
  })
  const copy = await changedKubeconfig(kubeconfigPath, folder, (config) => {
    config.clusters[0].cluster = { server: gate.url }
    config.users[0].user = {}
  })
  return { ...gate, kubeconfigPath: copy }
}

async function passOn(
  request: IncomingMessage,
  response: ServerResponse,
  { upstream, guard, credentials }: { upstream: URL; guard: Guard; credentials: RequestOptions },
): Promise<void> {
  const { method = 'GET', url: path = '/', headers } = request
  const passes = async (moment: Passage['moment']): Promise<boolean> => {
    const verdict = await guard({ moment, method, path })
    if (verdict === true) return true
    if (verdict === false) request.socket.destroy()
    else refuse(request, response, verdict)
    return false
  }
  if (!(await passes('arrived'))) return
  const call = upstream.protocol === 'https:' ? httpsRequest : httpRequest
  const sent = call(new URL(path, upstream), { ...credentials, method, headers })
  // Whoever gave up waiting (a watch, say) must not be waited for behind the proxy either.
  response.on('close', () => sent.destroy())
  request.pipe(sent)
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  if (!(await passes('answered'))) return
  response.writeHead(answer.statusCode ?? 502, answer.headers)
  response.flushHeaders()
  answer.on('error', () => response.destroy())
  answer.pipe(response)
}

/** The whole request is taken first: who still sends it would see a broken connection instead of the answer. */
function refuse(request: IncomingMessage, response: ServerResponse, { status, body }: Refusal): void {
  const answer = (): unknown => response.writeHead(status, { 'content-type': 'application/xml' }).end(body)
  if (request.readableEnded) answer()
  else request.resume().on('end', answer)
}

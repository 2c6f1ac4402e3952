import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { createServer } from 'node:https'

/** A certificate and its key, in PEM. */
export interface KeyPair {
  readonly cert: string
  readonly key: string
}

/** Speaks TLS on 127.0.0.1 for a server that does not. */
export interface TlsProxy extends AsyncDisposable {
  /** `https://127.0.0.1:port` */
  readonly url: string
  /** Shows another certificate from now on, to connections that stand as well: they are closed. */
  present(pair: KeyPair): void
}

/** Puts TLS before the server at `upstream`, an `http://` URL. */
export async function tlsProxy(upstream: string, { cert, key }: KeyPair): Promise<TlsProxy> {
  const server = createServer({ cert, key }, (request, response) => {
    const { method, headers, url = '/' } = request
    const sent = httpRequest(new URL(url, upstream), { method, headers })
    sent.on('error', () => response.destroy())
    sent.on('response', (answer: IncomingMessage) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    request.pipe(sent)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  return {
    url: `https://127.0.0.1:${port}`,
    present(pair) {
      server.setSecureContext({ cert: pair.cert, key: pair.key })
      server.closeAllConnections()
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

import { once } from 'node:events'
import { createServer as createHttpServer, type IncomingMessage } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { connect as connectTcp, type AddressInfo, type Socket } from 'node:net'

/** An HTTP proxy on 127.0.0.1 that opens tunnels with CONNECT. */
export interface ConnectProxy extends AsyncDisposable {
  readonly url: string
  /** `host:port` of every tunnel asked for. */
  readonly asked: readonly string[]
  /** Bytes that came from servers so far. */
  received: number
  /** How many of the next tunnels to refuse with 503. */
  refuseNext: number
  /** True: whatever the server sends next is thrown away, with its tunnel. */
  cutsAnswers: boolean
}

/** Starts a proxy; with `tls` it is an https one. */
export async function connectProxy(tls?: { cert: string; key: string }): Promise<ConnectProxy> {
  const sockets = new Set<Socket>()
  const server = tls === undefined ? createHttpServer() : createHttpsServer(tls)
  server.on('connection', (socket: Socket) => void sockets.add(socket))
  const asked: string[] = []
  const proxy = { asked, received: 0, refuseNext: 0, cutsAnswers: false }
  server.on('connect', (request: IncomingMessage, client: Socket) => {
    const target = request.url ?? ''
    asked.push(target)
    client.on('error', () => undefined)
    if (proxy.refuseNext > 0) {
      proxy.refuseNext -= 1
      return void client.end('HTTP/1.1 503 Service Unavailable\r\n\r\n')
    }
    const [host = '', port] = target.split(':')
    const upstream = connectTcp(Number(port), host, () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n')
      client.pipe(upstream)
    })
    sockets.add(upstream)
    upstream.on('error', () => client.destroy()).on('close', () => client.destroy())
    upstream.on('data', (chunk) => {
      proxy.received += chunk.length
      if (proxy.cutsAnswers) upstream.destroy()
      else client.write(chunk)
    })
    client.on('close', () => upstream.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return Object.assign(proxy, {
    url: `http${tls === undefined ? '' : 's'}://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  })
}

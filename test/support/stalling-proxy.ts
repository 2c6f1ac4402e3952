import { createServer, connect as connectTcp, type Socket } from 'node:net'
import { once } from 'node:events'

/** A TCP proxy on 127.0.0.1 that lets bytes through until it is told to stall. */
export interface StallingProxy extends AsyncDisposable {
  readonly port: number
  /** Bytes that came from the server so far. */
  received(): number
  /** Holds back everything the server sends from now on; connections stay open. */
  stall(): void
}

/** Starts a proxy to `port` on 127.0.0.1 that stalls by itself after `bytes` from the server. */
export async function stallingProxy(port: number, bytes = Number.POSITIVE_INFINITY): Promise<StallingProxy> {
  const sockets = new Set<Socket>()
  let [count, stalled] = [0, false]
  const server = createServer((client) => {
    const upstream = connectTcp(port, '127.0.0.1')
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => undefined).on('close', () => sockets.delete(socket))
    }
    client.pipe(upstream)
    upstream.on('data', (chunk) => {
      count += chunk.length
      stalled ||= count > bytes
      if (!stalled) client.write(chunk)
    })
    client.on('close', () => upstream.destroy())
    upstream.on('close', () => client.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port')
  return {
    port: address.port,
    received: () => count,
    stall: () => void (stalled = true),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

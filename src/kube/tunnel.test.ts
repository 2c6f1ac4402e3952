import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttpServer, type IncomingMessage } from 'node:http'
import { connect as connectTcp, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { test } from 'node:test'
import type { ClusterConfig } from './cluster-config.ts'
import { connect } from './connect.ts'
import type { KubeObject, ResourceType } from './object.ts'

const ConfigMaps: ResourceType = { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap', namespaced: true }
const shop: KubeObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'shop', namespace: 'default' } }

interface Listening extends AsyncDisposable {
  readonly port: number
}

async function listening(server: Server): Promise<Listening> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => void sockets.add(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      if (!server.listening) return
      server.close()
      await once(server, 'close')
    },
  }
}

/** Answers every request with the shop, and creates with 201. */
function apiServer(): Promise<Listening> {
  return listening(
    createHttpServer((request, response) => {
      response.writeHead(request.method === 'POST' ? 201 : 200, { 'content-type': 'application/json' })
      response.end(JSON.stringify(shop))
    }),
  )
}

function client(port: number, proxy: string) {
  const config: ClusterConfig = {
    server: `http://127.0.0.1:${port}`,
    context: undefined,
    namespace: 'default',
    ca: undefined,
    skipTlsVerify: false,
    tlsServerName: undefined,
    proxy,
    user: { token: 't' },
  }
  const kube = connect(config, { connectTimeoutMillis: 500 })
  return {
    kube,
    get: () => kube.get(ConfigMaps, 'shop', { namespace: 'default' }),
    [Symbol.asyncDispose]: () => kube.close(),
  }
}

/** A proxy that opens a tunnel, or answers CONNECT with a status line. */
function httpProxy(answer: (request: IncomingMessage, count: number) => string | undefined): Promise<Listening> {
  let count = 0
  const server = createHttpServer().on('connect', (request: IncomingMessage, socket: Socket) => {
    const refusal = answer(request, (count += 1))
    if (refusal !== undefined) return void socket.end(`HTTP/1.1 ${refusal}\r\n\r\n`)
    const [host = '', port] = (request.url ?? '').split(':')
    join(socket, connectTcp(Number(port), host), () => socket.write('HTTP/1.1 200 Connection established\r\n\r\n'))
  })
  return listening(server)
}

function join(client: Socket, upstream: Socket, ready: () => void): void {
  upstream.once('connect', () => {
    ready()
    client.pipe(upstream).pipe(client)
  })
  for (const [one, other] of [
    [client, upstream],
    [upstream, client],
  ] as const)
    one.on('error', () => other.destroy()).on('close', () => other.destroy())
}

test('a proxy gets name and password of its address, and what it answers is told without them', async () => {
  await using api = await apiServer()
  const seen: (string | undefined)[] = []
  await using proxy = await httpProxy((request) => {
    seen.push(request.headers['proxy-authorization'])
    return request.headers['proxy-authorization'] === undefined ? '407 Proxy Authentication Required' : undefined
  })
  await using stranger = client(api.port, `http://127.0.0.1:${proxy.port}`)
  await assert.rejects(stranger.get(), {
    problem: 'unreachable',
    message: /the proxy http:\/\/127\.0\.0\.1:\d+ does not open the way .*407 .*user:password@/,
  })
  assert.equal(stranger.kube.calls, 1)
  await using known = client(api.port, `http://me:s%40crt@127.0.0.1:${proxy.port}`)
  assert.deepEqual(await known.get(), shop)
  assert.deepEqual(seen, [undefined, `Basic ${Buffer.from('me:s@crt').toString('base64')}`])
})

test('a create is repeated when the proxy did not let it out, and a proxy that is gone or silent is named', async () => {
  await using api = await apiServer()
  await using proxy = await httpProxy((_request, count) => (count === 1 ? '503 Service Unavailable' : undefined))
  await using through = client(api.port, `http://127.0.0.1:${proxy.port}`)
  assert.deepEqual(await through.kube.create(ConfigMaps, shop), shop)
  assert.equal(through.kube.calls, 2)

  await using silent = await listening(createServer())
  await using waiting = client(api.port, `http://me:secret@127.0.0.1:${silent.port}`)
  const isNamed = (error: Error): boolean => {
    assert.match(error.message, new RegExp(`the proxy http://127.0.0.1:${silent.port} .* it does not answer`))
    assert.doesNotMatch(error.message, /secret|may have done/)
    return true
  }
  await assert.rejects(waiting.kube.create(ConfigMaps, shop), isNamed)
  const { port } = silent
  await silent[Symbol.asyncDispose]()
  await using nobody = client(api.port, `http://127.0.0.1:${port}`)
  await assert.rejects(nobody.get(), { message: /the proxy .* cannot be reached \(.*ECONNREFUSED.*proxy-url/ })
})

interface Greeting {
  login: string
  target: string
}

/** A SOCKS 5 proxy that asks for a log-in when `wantsLogin`, and writes its answers byte by byte. */
function socksProxy(seen: Greeting[], { wantsLogin = false, reply = 0 } = {}): Promise<Listening> {
  return listening(
    createServer((socket) => void serveSocks(socket, seen, { wantsLogin, reply }).catch(() => undefined)),
  )
}

async function serveSocks(
  socket: Socket,
  seen: Greeting[],
  how: { wantsLogin: boolean; reply: number },
): Promise<void> {
  const next = async (): Promise<Buffer> => ((await once(socket, 'data')) as [Buffer])[0]
  const say = (...bytes: number[]): void => bytes.forEach((byte) => void socket.write(Buffer.from([byte])))
  const [, count = 0, ...methods] = await next()
  assert.equal(count, methods.length)
  const method = !how.wantsLogin ? 0 : methods.includes(2) ? 2 : 255
  say(5, method)
  let login = ''
  if (method === 2) {
    const asked = await next()
    const length = asked[1] ?? 0
    login = `${asked.subarray(2, 2 + length)}:${asked.subarray(3 + length)}`
    say(1, login === 'me:secret' ? 0 : 1)
  }
  const asked = await next()
  const target = `${asked.subarray(5, -2)}:${asked.readUInt16BE(asked.length - 2)}`
  assert.deepEqual([...asked.subarray(0, 5)], [5, 1, 0, 3, asked.length - 7])
  seen.push({ login, target })
  const [host = '', port] = target.split(':')
  if (how.reply !== 0) return say(5, how.reply, 0, 1, 0, 0, 0, 0, 0, 0)
  join(socket, connectTcp(Number(port), host), () => say(5, 0, 0, 3, 2, 97, 98, 0, 0))
}

test('a SOCKS proxy opens the way, with and without a log-in, and nothing is printed about it', async () => {
  const warnings: Error[] = []
  const onWarning = (warning: Error): void => void warnings.push(warning)
  process.on('warning', onWarning)
  const seen: Greeting[] = []
  await using api = await apiServer()
  await using open = await socksProxy(seen)
  await using closed = await socksProxy(seen, { wantsLogin: true })
  await using one = client(api.port, `socks5://127.0.0.1:${open.port}`)
  await using other = client(api.port, `socks5://me:secret@127.0.0.1:${closed.port}`)
  assert.deepEqual(await Promise.all([one.get(), other.get()]), [shop, shop])
  const target = `127.0.0.1:${api.port}`
  assert.deepEqual(
    seen.toSorted((a, b) => a.login.length - b.login.length),
    [
      { login: '', target },
      { login: 'me:secret', target },
    ],
  )
  process.off('warning', onWarning)
  assert.deepEqual(warnings, [])
})

test('a SOCKS proxy that refuses is told with its reason', async () => {
  await using api = await apiServer()
  await using closed = await socksProxy([], { wantsLogin: true })
  await using unable = await socksProxy([], { reply: 2 })
  const attempts: [proxy: string, message: RegExp][] = [
    [`127.0.0.1:${closed.port}`, /wants a log-in: .*user:password@/],
    [`me:wrong@127.0.0.1:${closed.port}`, /does not accept name and password/],
    [`127.0.0.1:${unable.port}`, /it is not allowed to/],
    [`127.0.0.1:${api.port}`, /does not speak SOCKS 5/],
  ]
  for (const [proxy, message] of attempts) {
    await using through = client(api.port, `socks5://${proxy}`)
    await assert.rejects(through.get(), { problem: 'unreachable', message })
    assert.equal(through.kube.calls, 1)
  }
})

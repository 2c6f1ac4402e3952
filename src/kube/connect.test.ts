import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { stringify } from 'yaml'
import { loadKubeConfig } from './config.ts'
import type { ConnectOptions, ResponseInfo } from './connect.ts'
import { connect } from './connect.ts'
import type { KubeObject, ResourceType } from './object.ts'

const ConfigMaps: ResourceType = { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap', namespaced: true }
const shop: KubeObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'shop', namespace: 'default' } }

type Handler = (request: IncomingMessage, response: ServerResponse, count: number) => void

/** A real HTTP server on this machine and a kubeconfig for it in a folder of its own. */
async function serverWith(handler: Handler) {
  let count = 0
  const server = createServer((request, response) => handler(request, response, (count += 1)))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const dir = await mkdtemp(join(tmpdir(), 'kube-test-'))
  const path = join(dir, 'config')
  return {
    dir,
    count: () => count,
    async connect(user: object, options: ConnectOptions = {}) {
      await writeFile(
        path,
        stringify({
          'current-context': 'c',
          clusters: [
            {
              name: 'c',
              cluster: {
                server: address,
                extensions: [{ name: 'client.authentication.k8s.io/exec', extension: { audience: 'x' } }],
              },
            },
          ],
          users: [{ name: 'u', user }],
          contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
        }),
      )
      return connect(await loadKubeConfig({ env: process.env, home: dir, kubeconfig: path }), options)
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await rm(dir, { recursive: true })
    },
  }
}

function answer(response: ServerResponse, status: number, body: object, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
}

test('a create that was refused with 429 is repeated when the server said, and the pace-keeper hears of it', async () => {
  const seen: ResponseInfo[] = []
  await using server = await serverWith((_request, response, count) =>
    count === 1
      ? answer(response, 429, { kind: 'Status', message: 'slow down' }, { 'retry-after': '1' })
      : answer(response, 201, shop),
  )
  const kube = await server.connect({ token: 't' }, { onResponse: (info) => seen.push(info) })
  const started = performance.now()
  assert.deepEqual(await kube.create(ConfigMaps, shop), shop)
  assert.ok(performance.now() - started >= 1000)
  assert.deepEqual(
    seen.map(({ status, retryAfter }) => [status, retryAfter]),
    [
      [429, 1],
      [201, undefined],
    ],
  )
  assert.equal(kube.calls, 2)
  await kube.close()
})

test('a read survives a broken connection; a create does not, and says that it may have happened', async () => {
  await using server = await serverWith((request, response, count) =>
    request.method === 'POST' || count === 1 ? request.socket.destroy() : answer(response, 200, shop),
  )
  const kube = await server.connect({ token: 't' })
  assert.deepEqual(await kube.get(ConfigMaps, 'shop', { namespace: 'default' }), shop)
  const before = server.count()
  await assert.rejects(kube.create(ConfigMaps, shop), {
    problem: 'unreachable',
    object: 'configmaps default/shop',
    message: /may have done it/,
  })
  assert.equal(server.count(), before + 1)
  await kube.close()
})

test('a create whose answer nobody reads succeeds by its status alone, also when the rest of the answer does not come', async () => {
  await using server = await serverWith((request, response) => {
    response.writeHead(201, { 'content-type': 'application/json' }).write('{"half')
    setTimeout(() => request.socket.destroy(), 50)
  })
  const kube = await server.connect({ token: 't' })
  await kube.createUnread(ConfigMaps, shop)
  assert.equal(server.count(), 1)
  await kube.close()
})

test('a create whose answer nobody reads fails with the words of the server, packed or not, and is repeated as any other', async () => {
  const refusal = { kind: 'Status', reason: 'AlreadyExists', message: 'it is there' }
  await using server = await serverWith((request, response, count) => {
    if (count === 1) answer(response, 429, { kind: 'Status', message: 'slow down' }, { 'retry-after': '1' })
    else if (count === 2) answer(response, 409, refusal)
    else if (count === 3) {
      const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' }
      response.writeHead(409, headers).end(gzipSync(JSON.stringify(refusal)))
    } else if (count === 4) {
      response.writeHead(409, { 'content-type': 'application/json' }).write('{"half')
      setTimeout(() => request.socket.destroy(), 50)
    } else request.socket.destroy()
  })
  const kube = await server.connect({ token: 't' })
  const exists = { problem: 'already-exists', serverMessage: 'it is there' }
  await assert.rejects(kube.createUnread(ConfigMaps, shop), exists)
  assert.equal(server.count(), 2)
  await assert.rejects(kube.createUnread(ConfigMaps, shop), exists)
  for (let lost = 1; lost <= 2; lost += 1) {
    await assert.rejects(kube.createUnread(ConfigMaps, shop), { problem: 'unreachable', message: /may have done it/ })
  }
  await kube.close()
})

test('a create whose answer nobody reads ends at once with the reason of the signal, also while it waits for a connection', async () => {
  await using server = await serverWith(() => undefined)
  const kube = await server.connect({ token: 't' }, { connections: 1 })
  const end = new AbortController()
  const { signal } = end
  const both = Promise.allSettled([1, 2].map(() => kube.createUnread(ConfigMaps, shop, { signal })))
  while (server.count() === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  const reason = new Error('enough')
  end.abort(reason)
  for (const end of await both) assert.deepEqual(end, { status: 'rejected', reason })
  await assert.rejects(kube.createUnread(ConfigMaps, shop, { signal }), reason)
  assert.equal(server.count(), 1)
  await kube.close()
})

test('a delete whose answer was lost counts as done when the object is gone at the next try', async () => {
  await using server = await serverWith((request, response, count) =>
    count === 1
      ? request.socket.destroy()
      : answer(response, 404, { kind: 'Status', reason: 'NotFound', message: 'gone' }),
  )
  const kube = await server.connect({ token: 't' })
  assert.equal(await kube.delete(ConfigMaps, 'shop', { namespace: 'default' }), true)
  assert.equal(await kube.delete(ConfigMaps, 'shop', { namespace: 'default' }), false)
  await kube.close()
})

test('a watch takes up after the last version it saw, and rejects with expired when the server forgot that', async () => {
  const asked: (string | null)[] = []
  await using server = await serverWith((request, response, count) => {
    asked.push(new URL(request.url ?? '', 'http://x').searchParams.get('resourceVersion'))
    const events = [
      { type: 'ADDED', object: { ...shop, metadata: { ...shop.metadata, resourceVersion: '7' } } },
      { type: 'BOOKMARK', object: { metadata: { resourceVersion: '9' } } },
      { type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version' } },
    ]
    response.writeHead(200).write(`${JSON.stringify(events[count - 1])}\n`)
    if (count === 1) setTimeout(() => request.socket.destroy(), 50)
    else response.end()
  })
  const kube = await server.connect({ token: 't' })
  const seen: string[] = []
  const watching = async () => {
    for await (const { type } of kube.watch(ConfigMaps, { resourceVersion: '5' })) seen.push(type)
  }
  await assert.rejects(watching, { problem: 'expired', status: 410, reason: 'Expired' })
  assert.deepEqual(
    [seen, asked],
    [
      ['ADDED', 'BOOKMARK'],
      ['5', '7', '9'],
    ],
  )
  await kube.close()
})

test('waiting for a retry ends at once with the reason of the signal', async () => {
  await using server = await serverWith((_request, response) => answer(response, 429, {}, { 'retry-after': '30' }))
  const kube = await server.connect({ token: 't' })
  const stop = new AbortController()
  setTimeout(() => stop.abort(new Error('enough')), 100)
  await assert.rejects(kube.list(ConfigMaps, { signal: stop.signal }), { message: 'enough' })
  await kube.close()
})

test('a token file is read again once a minute, and at once after 401', async () => {
  const tokens: (string | undefined)[] = []
  await using server = await serverWith((request, response) => {
    tokens.push(request.headers.authorization)
    answer(response, request.headers.authorization === 'Bearer revoked' ? 401 : 200, shop)
  })
  let now = new Date('2026-01-01T00:00:00Z')
  const file = join(server.dir, 'token')
  await writeFile(file, 'one\n')
  const kube = await server.connect({ tokenFile: 'token' }, { now: () => now })
  const get = () => kube.get(ConfigMaps, 'shop', { namespace: 'default' })
  await get()
  await writeFile(file, 'revoked')
  await get()
  now = new Date('2026-01-01T00:01:01Z')
  await assert.rejects(get, { problem: 'unauthorized' })
  await writeFile(file, 'two')
  await get()
  assert.deepEqual(tokens, ['Bearer one', 'Bearer one', 'Bearer revoked', 'Bearer revoked', 'Bearer two'])
  await kube.close()
})

test('a credential plugin runs once until its credential expires or is refused', async () => {
  const tokens: (string | undefined)[] = []
  await using server = await serverWith((request, response) => {
    tokens.push(request.headers.authorization)
    answer(response, request.headers.authorization === 'Bearer audience-x-3' ? 401 : 200, shop)
  })
  await writeFile(join(server.dir, 'plugin.mjs'), PLUGIN)
  let now = new Date('2026-01-01T00:00:00Z')
  const exec = {
    apiVersion: 'client.authentication.k8s.io/v1',
    command: process.execPath,
    args: [join(server.dir, 'plugin.mjs')],
    env: [{ name: 'COUNT_FILE', value: join(server.dir, 'count') }],
    provideClusterInfo: true,
    interactiveMode: 'Never',
  }
  const kube = await server.connect({ exec }, { now: () => now })
  const get = () => kube.get(ConfigMaps, 'shop', { namespace: 'default' })
  await Promise.all([get(), get(), get()])
  now = new Date('2026-01-01T01:00:00Z')
  await get()
  now = new Date('2026-01-01T02:00:00Z')
  await get()
  assert.deepEqual(
    tokens,
    [1, 1, 1, 2, 3, 4].map((run) => `Bearer audience-x-${run}`),
  )
  await kube.close()
})

test('a credential plugin that is missing or fails is named, with its own words or its hint', async () => {
  await using server = await serverWith((_request, response) => answer(response, 200, shop))
  const base = { apiVersion: 'client.authentication.k8s.io/v1beta1', interactiveMode: 'Never' }
  const missing = await server.connect({
    exec: { ...base, command: 'no-such-plugin', installHint: 'get it at example.com' },
  })
  await assert.rejects(missing.version(), {
    name: 'KubeConfigError',
    message: /no-such-plugin is not installed: get it at example.com/,
  })
  const failing = await server.connect({
    exec: { ...base, command: process.execPath, args: ['-e', 'console.error("session over"); process.exit(3)'] },
  })
  await assert.rejects(failing.version(), { name: 'KubeConfigError', message: /ended with 3 and said: session over/ })
})

const PLUGIN = `
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
const file = process.env.COUNT_FILE
const run = existsSync(file) ? Number(readFileSync(file, 'utf8')) + 1 : 1
writeFileSync(file, String(run))
const { apiVersion, kind, spec } = JSON.parse(process.env.KUBERNETES_EXEC_INFO)
const expirationTimestamp = '2026-01-01T0' + run + ':00:00Z'
console.log(JSON.stringify({ apiVersion, kind, status: { token: 'audience-' + spec.cluster.config.audience + '-' + run, expirationTimestamp } }))
`

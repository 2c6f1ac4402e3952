// What stands between us and a server behind a Service may pack answers, repeat nothing of what it refuses, and break off.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import type { KubeClient } from './client.ts'
import type { ClusterConfig } from './cluster-config.ts'
import { connect } from './connect.ts'
import { KubeError } from './error.ts'

const at = { namespace: 'velero', service: 'lifeboat', port: 'http' }

/** A client of a server on this machine that answers as `handler` says, and the paths it was asked for. */
async function served(
  handler: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<AsyncDisposable & { kube: KubeClient; asked: string[] }> {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(request.url ?? '')
    handler(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const config: ClusterConfig = {
    server: `http://127.0.0.1:${(server.address() as AddressInfo).port}/cluster`,
    context: undefined,
    namespace: 'default',
    ca: undefined,
    skipTlsVerify: false,
    tlsServerName: undefined,
    proxy: undefined,
    user: {},
  }
  const kube = connect(config, { compress: true })
  return {
    kube,
    asked,
    async [Symbol.asyncDispose]() {
      await kube.close()
      server.closeAllConnections()
      server.close()
    },
  }
}

async function textOf(bytes: AsyncIterable<Uint8Array>): Promise<string> {
  return Buffer.concat(await Array.fromAsync(bytes)).toString()
}

test('the path goes behind that of the proxy as it is, and bytes come as the server behind it gave them, packed on the way or not', async () => {
  await using plain = await served((_request, response) => response.end('the file'))
  assert.equal(await textOf(await plain.kube.throughService('/download?key=a%2Fb&x=1', at)), 'the file')
  assert.deepEqual(plain.asked, [
    '/cluster/api/v1/namespaces/velero/services/lifeboat%3Ahttp/proxy/download?key=a%2Fb&x=1',
  ])
  await using packed = await served((request, response) => {
    assert.equal(request.headers['accept-encoding'], 'gzip')
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('the file'))
  })
  assert.equal(await textOf(await packed.kube.throughService('/download?', at)), 'the file')
})

test('refusals are told at once, with the reason of whoever refused', async () => {
  for (const [code, status, expected] of [
    [503, { reason: 'ServiceUnavailable', message: 'no endpoints available' }, 'server'],
    [404, { reason: 'FileMissing', message: 'not found' }, 'not-found'],
    [502, { reason: 'StoreFailed', message: 'the bucket is gone' }, 'server'],
  ] as const) {
    await using api = await served((_request, response) => {
      response.writeHead(code).end(JSON.stringify({ apiVersion: 'v1', kind: 'Status', status: 'Failure', ...status }))
    })
    await assert.rejects(api.kube.throughService('/download?', at), (error) => {
      assert.ok(error instanceof KubeError)
      const { problem, reason, serverMessage } = error
      assert.deepEqual({ problem, reason, message: serverMessage }, { problem: expected, ...status })
      return true
    })
    assert.equal(api.asked.length, 1)
  }
})

test('bytes that break off are an error, packed or not, and so are those that somebody does not want any more', async () => {
  for (const headers of [{}, { 'content-encoding': 'gzip' }]) {
    await using api = await served((_request, response) => {
      response.writeHead(200, headers).write(gzipSync(Buffer.alloc(100_000, 'x'), { level: 0 }).subarray(0, 50_000))
      setTimeout(() => response.destroy(), 50)
    })
    await assert.rejects(textOf(await api.kube.throughService('/download?', at)), (error) => {
      assert.ok(error instanceof KubeError, String(error))
      assert.match(error.message, /cannot get services\/proxy velero\/lifeboat:http: /)
      return true
    })
  }
  await using endless = await served((_request, response) => void response.writeHead(200).write('x'))
  const stop = new AbortController()
  const bytes = await endless.kube.throughService('/download?', { ...at, signal: stop.signal })
  const reason = new Error('enough')
  stop.abort(reason)
  await assert.rejects(textOf(bytes), (error) => error === reason)
})

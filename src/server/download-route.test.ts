import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pino } from 'pino'
import type { LocationStores } from '#controllers/location-stores.ts'
import { memoryStore } from '#store/memory.ts'
import { StoreError, type ObjectStore } from '#store/store.ts'
import { httpApplication, listen } from './http.ts'
import { serverMetrics } from './metrics.ts'
import { signLink, type LinkTarget } from './signed-link.ts'

const now = new Date('2026-01-01T00:00:00Z')
const linkSecret = Buffer.alloc(32, 's')
const asStatus = { headers: { accept: 'application/json' } }

/** The HTTP API in front of one location, `here`, whose store is `store`. */
async function served(
  store: ObjectStore,
): Promise<AsyncDisposable & { link: (target?: Partial<LinkTarget>) => string }> {
  const openNamed: LocationStores['openNamed'] = async (name) => {
    if (name === 'here') return store
    throw new StoreError('invalid', `backup location "${name}" is not in namespace velero`)
  }
  const app = httpApplication({
    metrics: serverMetrics({ calls: () => 0 }),
    stores: { openNamed, open: () => openNamed('') },
    linkSecret,
    now: () => now,
    log: pino({ level: 'silent' }),
    ready: () => true,
  })
  const { server, address } = await listen(app, { host: '127.0.0.1', port: 0 })
  return {
    link: (target) => {
      const whole = { location: 'here', key: 'a', expires: now.getTime() + 1000, ...target }
      return `http://${address}/download?${signLink(whole, linkSecret)}`
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
    },
  }
}

test('a link gives the file of whatever store; what it cannot give it refuses in words, and for clients of the API server as a Status', async () => {
  const store = memoryStore()
  await store.put('a', Buffer.from('the file'))
  await using api = await served(store)
  assert.equal(await (await fetch(api.link())).text(), 'the file')
  const refusals: [string, number, string, RegExp][] = [
    [api.link({ key: 'b' }), 404, 'FileMissing', /not found/],
    [api.link({ expires: now.getTime() }), 403, 'LinkRefused', /not valid, or not any more/],
    [`${api.link()}0`, 403, 'LinkRefused', /not valid/],
    [api.link({ location: 'gone' }), 502, 'StoreFailed', /"gone" is not in namespace velero/],
  ]
  for (const [url, code, reason, words] of refusals) {
    const plain = await fetch(url)
    assert.equal(plain.status, code)
    assert.match(await plain.text(), words)
    const answer = await fetch(url, asStatus)
    assert.equal(answer.status, code)
    const { message, ...status } = (await answer.json()) as { message: string }
    assert.deepEqual(status, { apiVersion: 'v1', kind: 'Status', status: 'Failure', reason, code })
    assert.match(message, words)
  }
})

test('a store that fails in the middle of a file breaks the answer off: half a file is never taken for a whole one', async () => {
  const store = memoryStore()
  const get: ObjectStore['get'] = async () =>
    (async function* () {
      yield Buffer.alloc(100_000)
      throw new StoreError('unreachable', 'the bucket went away')
    })()
  await using api = await served({ ...store, get })
  const answer = await fetch(api.link())
  assert.equal(answer.status, 200)
  await assert.rejects(answer.arrayBuffer())
})

// Velero's command line and ours, in front of the same objects and files.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { test } from 'node:test'
import { downloadRequestController } from '#controllers/download-request-controller.ts'
import { locationStores } from '#controllers/location-stores.ts'
import type { KubeObject } from '#kube/object.ts'
import { runController } from '#runtime/controller.ts'
import { fileStore } from '#store/file.ts'
import type { ObjectStore } from '#store/store.ts'
import { cli, scratchFolder } from '../support/cli.ts'
import { sharedCluster, testNamespace } from '../support/cluster.ts'
import { installKinds, makeLocation } from '../support/server.ts'
import { veleroClient } from '../support/velero.ts'
import { furnishShowroom, type Showroom } from './described-backups.ts'

/** Gives the files of the store to anybody who asks. */
async function fileServer(store: ObjectStore): Promise<AsyncDisposable & { url: string }> {
  const server = createServer((request, response) => {
    store
      .get(decodeURIComponent((request.url ?? '').slice(1)))
      .then(async (bytes) => {
        for await (const chunk of bytes) response.write(chunk)
        response.end()
      })
      .catch(() => response.writeHead(404).end())
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

const log = { debug() {}, info() {}, warn() {}, error() {} }

/** The one part of a server that these commands need: any other would act on the backups that they show. */
async function answerDownloads({ kube, namespace, store }: Showroom): Promise<AsyncDisposable> {
  const files = await fileServer(store)
  const stop = new AbortController()
  const stores = locationStores(kube, { namespace, env: {} })
  const controller = downloadRequestController({ stores, ownUrl: (_location, key) => `${files.url}/${key}` })
  const work = runController(controller, { kube, namespace, now: () => new Date(), signal: stop.signal, log })
  return {
    async [Symbol.asyncDispose]() {
      stop.abort()
      await work
      await files[Symbol.asyncDispose]()
    },
  }
}

/** What both say in words of their own (docs/velero-compatibility.md), what is one blank or two, and lines that are empty. */
function comparable(text: string): string[] {
  return text
    .replaceAll(/ \((run `velero backup logs|see: lifeboat backup logs)[^)]*\)/g, '')
    .replaceAll('specify --details for more information', 'see --details')
    .replaceAll(/^(Backup Item Operations:.*) \(see --details\)$/gm, '$1')
    .replaceAll('<backup resource list not found>', '<not found>')
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => line !== '')
}

/** As `comparable`, for JSON; groups of copies have no order in Velero's. */
function comparableJson(text: string): unknown {
  return JSON.parse(comparable(text).join('\n'), (key, value: unknown) => {
    if (!Array.isArray(value) || !/^[A-Z][a-z]/.test(key)) return value
    return value.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
  })
}

test('velero and lifeboat list and describe backups alike, as text and as JSON', async (context) => {
  const { kube, kubeconfigPath } = await sharedCluster()
  await using _connection = { [Symbol.asyncDispose]: () => kube.close() }
  await using home = await testNamespace(kube)
  await using folder = await scratchFolder()
  const room: Showroom = { kube, namespace: home.name, store: fileStore(`${folder.path}/store`) }
  await installKinds(kube)
  await makeLocation(kube, home.name, { path: `${folder.path}/store` })
  await room.store.check({ write: true })
  const names = (await furnishShowroom(room)).toSorted()
  await using _downloads = await answerDownloads(room)
  const velero = await veleroClient({ kubeconfigPath, directory: `${folder.path}/velero` })
  const lifeboat = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await cli(args, { env: { KUBECONFIG: kubeconfigPath } })
    assert.equal(code, 0, stderr)
    return stdout
  }
  const both = async (...args: string[]): Promise<[string, string]> => {
    const where = [...args, '--namespace', home.name]
    return await Promise.all([lifeboat(...where), velero(...where)])
  }

  for (const details of [[], ['--details']]) {
    await context.test(`backup describe ${details.join('')}`, async () => {
      const [ours, theirs] = await both('backup', 'describe', ...names, ...details)
      assert.deepEqual(comparable(ours), comparable(theirs))
    })
  }
  for (const args of [['rich'], ...names.map((name) => [name, '--details'])]) {
    await context.test(`backup describe ${args.join(' ')} -o json`, async () => {
      const [ours, theirs] = await both('backup', 'describe', ...args, '-o', 'json')
      assert.deepEqual(comparableJson(ours), comparableJson(theirs))
    })
  }
  const listings = [
    [],
    ['rich', 'queued'],
    ['-l', 'example.com/run=yes'],
    ['-L', 'team,example.com/ric', '--show-labels'],
  ]
  for (const args of listings) {
    await context.test(`backup get ${args.join(' ')}`, async () => {
      const [ours, theirs] = await both('backup', 'get', ...args)
      const words = (text: string): string[] => comparable(text).map((line) => line.replaceAll(/ {2,}/g, '  '))
      assert.deepEqual(words(ours), words(theirs))
    })
  }
  for (const args of [[], ['rich'], ['-l', 'no=such']]) {
    await context.test(`backup get ${args.join(' ')} -o json`, async () => {
      const [ours, theirs] = await both('backup', 'get', ...args, '-o', 'json')
      assert.deepEqual(outline(ours), outline(theirs))
    })
  }
})

/** What the list or the object is. Velero's client prints its own reading of each object, with zeros where nothing is said; ours prints what is stored. */
function outline(text: string): unknown {
  const { apiVersion, kind, metadata, items } = JSON.parse(text) as KubeObject & { items?: KubeObject[] }
  const heads = items?.map((item) => ({ apiVersion: item.apiVersion, kind: item.kind, metadata: item.metadata }))
  return items === undefined ? { apiVersion, kind, metadata } : { apiVersion, kind, heads }
}

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { downloadRequestController } from '#controllers/download-request-controller.ts'
import { locationStores } from '#controllers/location-stores.ts'
import type { KubeObject } from '#kube/object.ts'
import { runController } from '#runtime/controller.ts'
import type { ObjectStore } from '#store/store.ts'
import { fileStore } from '#store/file.ts'
import { cli, scratchFolder } from '../support/cli.ts'
import { sharedCluster, testNamespace } from '../support/cluster.ts'
import { installKinds, makeLocation } from '../support/server.ts'
import { veleroClient } from '../support/velero.ts'
import type { Showroom } from './described-backups.ts'

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

/** The one part of a server that these commands need: any other would act on what they show. */
async function answerDownloads({ kube, namespace, store }: Showroom): Promise<AsyncDisposable> {
  const files = await fileServer(store)
  const stop = new AbortController()
  const stores = locationStores(kube, { namespace, env: {} })
  const controller = downloadRequestController({ stores, publicUrl: files.url, ownPath: (_location, key) => `/${key}` })
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
export function comparable(text: string): string[] {
  return (
    text
      .replaceAll(/ \((run [`']velero \w+ logs|see: lifeboat \w+ logs)[^)]*\)/g, '')
      .replaceAll('specify --details for more information', 'see --details')
      .replaceAll(/^((?:Backup|Restore) Item Operations:.*) \(see --details\)$/gm, '$1')
      .replaceAll(/<(backup|restore) resource list not found>/g, '<not found>')
      // A map, which Velero's client prints in another order each time.
      .replaceAll(
        /(?<=^OrderedResources:\n)(?: {2}\S.*\n)+/gm,
        (lines) => `${lines.trimEnd().split('\n').toSorted().join('\n')}\n`,
      )
      .split('\n')
      .map((line) => line.trimEnd())
      .filter((line) => line !== '')
  )
}

/** What the list or the object is. Velero's client prints its own reading of each object, with zeros where nothing is said; ours prints what is stored. */
export function outline(text: string): unknown {
  const { apiVersion, kind, metadata, items } = JSON.parse(text) as KubeObject & { items?: KubeObject[] }
  const heads = items?.map((item) => ({ apiVersion: item.apiVersion, kind: item.kind, metadata: item.metadata }))
  return items === undefined ? { apiVersion, kind, metadata } : { apiVersion, kind, heads }
}

/** Both command lines in front of the same objects and files. */
export interface BothClients extends AsyncDisposable {
  /** What was furnished, sorted. */
  readonly names: readonly string[]
  /** Our answer and Velero's to the same command. Rejects when either fails. */
  readonly both: (...args: string[]) => Promise<[ours: string, theirs: string]>
}

/** Furnishes a namespace and a location of its own by `furnish`, which gives the names of what it made. */
export async function openBothClients(furnish: (room: Showroom) => Promise<string[]>): Promise<BothClients> {
  await using opened = new AsyncDisposableStack()
  const { kube, kubeconfigPath } = await sharedCluster()
  opened.defer(() => kube.close())
  const home = opened.use(await testNamespace(kube))
  const folder = opened.use(await scratchFolder())
  const room: Showroom = { kube, namespace: home.name, store: fileStore(`${folder.path}/store`) }
  await installKinds(kube)
  await makeLocation(kube, home.name, { path: `${folder.path}/store` })
  await room.store.check({ write: true })
  const names = (await furnish(room)).toSorted()
  opened.use(await answerDownloads(room))
  const velero = await veleroClient({ kubeconfigPath, directory: `${folder.path}/velero` })
  const lifeboat = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await cli(args, { env: { KUBECONFIG: kubeconfigPath } })
    assert.equal(code, 0, stderr)
    return stdout
  }
  const kept = opened.move()
  return {
    names,
    both: async (...args) => {
      const where = [...args, '--namespace', home.name]
      return await Promise.all([lifeboat(...where), velero(...where)])
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

// Plug-ins in the server: phases while operations run, and what becomes of them when the server dies.
import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { Backups, type BackupPhase } from '#api/backup.ts'
import { Restores } from '#api/restore.ts'
import { apiVersionOf } from '#kube/object.ts'
import { ServerStatusRequests } from '#api/server-status-request.ts'
import type { KubeClient } from '#kube/client.ts'
import { fileStore } from '#store/file.ts'
import { namesOf, readBackup } from '../support/backup-run.ts'
import { scratchFolder } from '../support/cli.ts'
import { sharedCluster, testNamespace } from '../support/cluster.ts'
import { ConfigMaps, make, Namespaces } from '../support/objects.ts'
import { pluginFolder } from '../support/plugins.ts'
import {
  askForBackup,
  askForRestore,
  ended,
  eventually,
  installKinds,
  killServer,
  makeLocation,
  startServer,
} from '../support/server.ts'

const waiting = 'WaitingForPluginOperations'

test('a server with plug-ins', async (context) => {
  const { kube, kubeconfigPath } = await sharedCluster()
  await using _connection = { [Symbol.asyncDispose]: () => kube.close() }
  await using home = await testNamespace(kube)
  await using shop = await testNamespace(kube)
  await using folder = await scratchFolder()
  const namespace = home.name
  await installKinds(kube)
  await makeLocation(kube, namespace, { path: folder.path })
  await make(kube, ConfigMaps, { namespace: shop.name, name: 'slow' })
  // An operation for each backup or restore whose name begins with `op`; it has ended once there is a file of its name.
  await using plugins = await pluginFolder({
    'a.mjs': `
      const about = { name: 'example.com/test', appliesTo: { includedResources: ['configmaps'] } }
      const progress = (id) => ({ completed: there(id) })
      const starts = (item, { metadata, status }) => {
        if (!metadata.name.startsWith('op') || status.phase.startsWith('Finalizing') || item.metadata.name !== 'slow') return
        say('started', metadata.name)
        return { operation: { id: metadata.name } }
      }
      export default {
        backupItemActions: [{ ...about, progress, execute: (item, { backup }) => starts(item, backup) }],
        restoreItemActions: [{ ...about, progress, execute: (item, { restore }) => starts(item, restore) }],
      }`,
  })
  const args = ['--plugins', join(plugins.path, 'a.mjs'), '--item-operation-sync-frequency', '100ms']
  const start = () => startServer({ kubeconfigPath, namespace, args })
  const spec = { includedNamespaces: [shop.name] }
  const reaches = (name: string, phase: BackupPhase) => seenPhase(kube, { namespace, name, phase })

  await context.test('lists their actions beside its own, under Velero’s kinds', async () => {
    await using server = start()
    await server.leads()
    const request = {
      apiVersion: apiVersionOf(ServerStatusRequests),
      kind: 'ServerStatusRequest',
      metadata: { name: 'ask' },
      spec: {},
    }
    await kube.create(ServerStatusRequests, request, { namespace })
    const listed = await eventually(
      async () => (await kube.get(ServerStatusRequests, 'ask', { namespace })).status?.plugins,
    )
    assert.deepEqual(listed, [
      { name: 'lifeboat.dev/file', kind: 'ObjectStore' },
      { name: 'velero.io/aws', kind: 'ObjectStore' },
      { name: 'example.com/test', kind: 'BackupItemActionV2' },
      { name: 'example.com/test', kind: 'RestoreItemActionV2' },
    ])
    await server.end('SIGTERM')
  })

  await context.test(
    'shows that a backup waits, makes others meanwhile, and ends it when its operations have',
    async () => {
      await using server = start()
      await askForBackup(kube, namespace, { name: 'op-one', spec })
      const { status } = await reaches('op-one', waiting)
      assert.equal(status?.backupItemOperationsAttempted, 1)
      assert.deepEqual(await readdir(join(folder.path, 'backups', 'op-one')).catch(() => []), ['lifeboat-claim.json'])
      await askForBackup(kube, namespace, { name: 'plain', spec })
      assert.equal((await ended(kube, Backups, { name: 'plain', namespace })).status?.phase, 'Completed')
      assert.equal((await kube.get(Backups, 'op-one', { namespace })).status?.phase, waiting)
      await plugins.cue('op-one')
      const done = await ended(kube, Backups, { name: 'op-one', namespace })
      assert.equal(done.status?.phase, 'Completed')
      assert.equal(done.status?.backupItemOperationsCompleted, 1)
      assert.ok(namesOf(await readBackup(fileStore(folder.path), 'op-one'), 'configmaps').includes(`${shop.name}/slow`))
      await server.end('SIGTERM')
    },
  )

  await context.test(
    'makes a backup again that was killed while it waited, but leaves alone what Velero left',
    async () => {
      await using first = start()
      await askForBackup(kube, namespace, { name: 'op-two', spec })
      await reaches('op-two', waiting)
      await killServer(first, kube, namespace)
      // Velero stores a backup before it waits for its operations.
      const velero = await askForBackup(kube, namespace, { name: 'velero', spec })
      const status = { phase: waiting as BackupPhase }
      const left = { ...velero, spec: { ...spec, storageLocation: 'default' }, status }
      await kube.patch(Backups, 'velero', { merge: { spec: left.spec, status } }, { namespace })
      const metadata = Buffer.from(JSON.stringify(left))
      await fileStore(folder.path).put('backups/velero/velero-backup.json', bytes(metadata))

      await plugins.cue('op-two')
      await using second = start()
      const done = await ended(kube, Backups, { name: 'op-two', namespace, seconds: 60 })
      assert.equal(done.status?.phase, 'Completed', done.status?.failureReason)
      assert.equal(done.status?.backupItemOperationsCompleted, 1)
      assert.equal((await plugins.said('started')).split('\n').filter((line) => line === 'op-two').length, 2)
      assert.equal((await kube.get(Backups, 'velero', { namespace })).status?.phase, waiting)
      await second.end('SIGTERM')
    },
  )

  await context.test(
    'restores with them; one that was killed while it waited is taken up, what Velero left is not',
    async () => {
      const copy = `${shop.name}-copy`
      const restoreSpec = { backupName: 'plain', namespaceMapping: { [shop.name]: copy } }
      const current = (name: string) => kube.get(Restores, name, { namespace })
      try {
        await using first = start()
        await askForRestore(kube, namespace, { name: 'op-back', spec: restoreSpec })
        await eventually(async () => ((await current('op-back')).status?.phase === waiting ? true : undefined), 60)
        assert.equal((await current('op-back')).status?.restoreItemOperationsAttempted, 1)
        await killServer(first, kube, namespace)
        await askForRestore(kube, namespace, { name: 'velero', spec: restoreSpec })
        await kube.patch(Restores, 'velero', { merge: { status: { phase: waiting } } }, { namespace })
        await plugins.cue('op-back')
        await using second = start()
        const { status, metadata } = await ended(kube, Restores, { name: 'op-back', namespace, seconds: 60 })
        assert.equal(status?.phase, 'Completed', status?.failureReason)
        assert.deepEqual([status?.restoreItemOperationsCompleted, status?.warnings], [1, undefined])
        assert.equal(metadata.annotations?.['lifeboat.dev/awaits-operations'], undefined)
        assert.equal((await current('velero')).status?.phase, waiting)
        await second.end('SIGTERM')
      } finally {
        await kube.delete(Namespaces, copy)
      }
    },
  )
})

test('a server does not start with a plug-in that cannot be used, and says which and why', async () => {
  const { kubeconfigPath } = await sharedCluster()
  await using plugins = await pluginFolder({})
  await using server = startServer({
    kubeconfigPath,
    namespace: 'default',
    args: ['--plugins', join(plugins.path, 'none.mjs')],
  })
  const { code, stderr } = await server.ended
  assert.equal(code, 1)
  assert.match(stderr, /plug-in .*none\.mjs cannot be loaded: there is no file/)
})

async function* bytes(content: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(content)
}

async function seenPhase(kube: KubeClient, wanted: { namespace: string; name: string; phase: BackupPhase }) {
  const { namespace, name, phase } = wanted
  return await eventually(async () => {
    const backup = await kube.get(Backups, name, { namespace })
    return backup.status?.phase === phase ? backup : undefined
  }, 60)
}

// The server as a real process, killed and stopped in the middle of its work.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { BackupStorageLocations } from '#api/backup-storage-location.ts'
import { Backups, type Backup } from '#api/backup.ts'
import { annotationKeys, labelKeys } from '#api/labels.ts'
import { Restores } from '#api/restore.ts'
import type { KubeClient } from '#kube/client.ts'
import { Leases } from '#runtime/lease-step.ts'
import { fileStore } from '#store/file.ts'
import { readBackup } from '../support/backup-run.ts'
import { scratchFolder } from '../support/cli.ts'
import { sharedCluster, testNamespace } from '../support/cluster.ts'
import { ConfigMaps, make, Namespaces, Secrets } from '../support/objects.ts'
import { locationSays } from '../support/s3-location.ts'
import { startServerHere, type ServerHere } from '../support/server-here.ts'
import {
  askForBackup,
  askForRestore,
  ended,
  eventually,
  installKinds,
  letRestoresGo,
  makeLocation,
  startServer,
} from '../support/server.ts'

const Services = { group: '', version: 'v1', plural: 'services', kind: 'Service', namespaced: true }

/** Enough work to be interrupted in. */
const OBJECTS = 1500

async function fill(kube: KubeClient, namespace: string): Promise<void> {
  const data = { text: 'x'.repeat(4000) }
  for (let from = 0; from < OBJECTS; from += 50) {
    await Promise.all(
      Array.from({ length: 50 }, (_, i) => make(kube, ConfigMaps, { name: `c${from + i}`, namespace, data })),
    )
  }
  // Velero never finds a Service equal to what lives, so a restore that met its own would warn.
  const spec = { ports: [{ port: 80 }], clusterIP: 'None' }
  await Promise.all(Array.from({ length: 20 }, (_, i) => make(kube, Services, { name: `s${i}`, namespace, spec })))
}

/** Resolves the moment the phase is written: what follows has to come before the backup ends. */
async function seenInProgress(kube: KubeClient, namespace: string, name: string): Promise<void> {
  for await (const event of kube.watch(Backups, { namespace, resourceVersion: '0' })) {
    if (event.type === 'BOOKMARK' || event.object.metadata.name !== name) continue
    if (event.object.status?.phase === 'InProgress') return
  }
}

test('work that a killed or stopped server leaves is taken up and completed by the next', async (context) => {
  const { kube, kubeconfigPath } = await sharedCluster()
  await using _connection = { [Symbol.asyncDispose]: () => kube.close() }
  await using home = await testNamespace(kube)
  await using shop = await testNamespace(kube)
  await using folder = await scratchFolder()
  const namespace = home.name
  await using _finalizers = { [Symbol.asyncDispose]: () => letRestoresGo(kube, namespace) }
  await installKinds(kube)
  await fill(kube, shop.name)
  await makeLocation(kube, namespace, { path: folder.path })
  const phaseOf = async (name: string): Promise<string | undefined> =>
    (await kube.get(Backups, name, { namespace })).status?.phase
  const holder = async (): Promise<string> =>
    (await kube.get(Leases, 'lifeboat-server', { namespace })).spec?.holderIdentity ?? ''

  await context.test('a backup, after SIGKILL: leftovers go, nothing is in it twice', async () => {
    await using first = startServer({ kubeconfigPath, namespace })
    await first.leads()
    await askForBackup(kube, namespace, { name: 'killed', spec: { includedNamespaces: [shop.name] } })
    await seenInProgress(kube, namespace, 'killed')
    assert.equal(await first.end('SIGKILL'), null)
    assert.equal(await phaseOf('killed'), 'InProgress')
    // However far it got: half of its files.
    const half = join(folder.path, 'backups', 'killed')
    await mkdir(half, { recursive: true })
    await writeFile(join(half, 'killed-results.gz'), 'half')

    await using second = startServer({ kubeconfigPath, namespace })
    const backup = await ended(kube, Backups, { name: 'killed', namespace, seconds: 60 })
    assert.equal(backup.status?.phase, 'Completed', backup.status?.failureReason)
    const stored = await readBackup(fileStore(folder.path), 'killed')
    assert.deepEqual(stored.verification.differences, [])
    const maps = [...stored.objects.keys()].filter((path) => path.startsWith('resources/configmaps/'))
    assert.equal(maps.length, OBJECTS + 1) // and kube-root-ca.crt
    assert.equal(backup.status?.progress?.itemsBackedUp, stored.objects.size)
    await second.end('SIGTERM')
  })

  await context.test(
    'a backup that was whole when the server died: it counts as made, and its claim on the name goes',
    async () => {
      const folders = join(folder.path, 'backups', 'killed')
      const before = (await readdir(folders)).toSorted()
      const claim = JSON.stringify({ run: 'x', process: 'elsewhere.1', since: '2026-01-01T00:00:00Z' })
      await writeFile(join(folders, 'lifeboat-claim.json'), claim)
      const left = { phase: 'InProgress', completionTimestamp: null }
      const made = await kube.get(Backups, 'killed', { namespace })
      await kube.patch(Backups, 'killed', { merge: { status: left } }, { namespace })
      await using server = startServer({ kubeconfigPath, namespace })
      assert.deepEqual((await ended(kube, Backups, { name: 'killed', namespace })).status, made.status)
      assert.deepEqual((await readdir(folders)).toSorted(), before)
      await server.end('SIGTERM')
    },
  )

  await context.test('a backup, after SIGTERM: it stays InProgress, and the lease is free at once', async () => {
    await using first = startServer({ kubeconfigPath, namespace })
    await first.leads()
    await askForBackup(kube, namespace, { name: 'stopped', spec: { includedNamespaces: [shop.name] } })
    await seenInProgress(kube, namespace, 'stopped')
    assert.equal(await first.end('SIGTERM'), 0)
    assert.equal(await phaseOf('stopped'), 'InProgress')
    assert.equal(await holder(), '')
    assert.deepEqual(await readdir(join(folder.path, 'backups', 'stopped')).catch(() => []), [])

    await using second = startServer({ kubeconfigPath, namespace })
    await second.leads()
    assert.equal((await ended(kube, Backups, { name: 'stopped', namespace })).status?.phase, 'Completed')
    await second.end('SIGTERM')
  })

  await context.test('a restore, after SIGTERM: it stays InProgress, and the next server completes it', async () => {
    const target = `${shop.name}-later`
    await using first = startServer({ kubeconfigPath, namespace })
    await first.leads()
    const spec = { backupName: 'stopped', namespaceMapping: { [shop.name]: target } }
    await askForRestore(kube, namespace, { name: 'later', spec })
    try {
      await eventually(async () =>
        (await kube.list(ConfigMaps, { namespace: target })).items.length > 50 ? true : undefined,
      )
      assert.equal(await first.end('SIGTERM'), 0)
      assert.equal((await kube.get(Restores, 'later', { namespace })).status?.phase, 'InProgress')
      assert.equal(await holder(), '')
      await using second = startServer({ kubeconfigPath, namespace })
      const { status } = await ended(kube, Restores, { name: 'later', namespace, seconds: 60 })
      assert.deepEqual([status?.phase, status?.warnings, status?.errors], ['Completed', undefined, undefined])
      await second.end('SIGTERM')
    } finally {
      await kube.delete(Namespaces, target)
    }
  })

  await context.test('a bucket that says nothing does not keep a server from ending, nor the lease', async () => {
    const { promise: asked, resolve } = Promise.withResolvers<void>()
    const silent = createServer((socket) => void socket.on('error', () => undefined).once('data', () => resolve()))
    silent.listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const { port } = silent.address() as AddressInfo
    const keys = '[default]\naws_access_key_id=a\naws_secret_access_key=b\n'
    await make(kube, Secrets, { name: 'keys', namespace, stringData: { cloud: keys } })
    const spec = {
      provider: 'aws',
      objectStorage: { bucket: 'any' },
      credential: { name: 'keys', key: 'cloud' },
      config: { region: 'us-east-1', s3Url: `http://127.0.0.1:${port}`, s3ForcePathStyle: 'true' },
    }
    await make(kube, BackupStorageLocations, { name: 'silent', namespace, spec })
    await using first = startServer({ kubeconfigPath, namespace })
    await asked
    const code = await Promise.race([first.end('SIGTERM'), sleep(20_000, 'still there')])
    assert.equal(code, 0)
    assert.equal(await holder(), '')
    silent.close()
    await kube.delete(BackupStorageLocations, 'silent', { namespace })
  })

  await context.test('a restore, after SIGKILL: what it made itself is no surprise to it', async () => {
    const target = `${shop.name}-again`
    await using first = startServer({ kubeconfigPath, namespace })
    await first.leads()
    const spec = { backupName: 'killed', namespaceMapping: { [shop.name]: target } }
    await askForRestore(kube, namespace, { name: 'again', spec })
    const made = async (): Promise<number> => (await kube.list(ConfigMaps, { namespace: target })).items.length
    try {
      await eventually(async () => ((await made()) > 50 ? true : undefined))
      await first.end('SIGKILL')
      assert.equal((await kube.get(Restores, 'again', { namespace })).status?.phase, 'InProgress')
      assert.ok((await made()) < OBJECTS, 'the restore was over before it was interrupted')

      await using second = startServer({ kubeconfigPath, namespace })
      const { status } = await ended(kube, Restores, { name: 'again', namespace, seconds: 60 })
      assert.equal(status?.phase, 'Completed', status?.failureReason)
      assert.deepEqual([status?.warnings, status?.errors], [undefined, undefined])
      const copies = await Array.fromAsync(kube.pages(ConfigMaps, { namespace: target }), ({ items }) => items)
      const own = copies.flat().filter(({ metadata }) => metadata.labels?.[labelKeys.restoreName] === 'again')
      assert.equal(own.length, OBJECTS)
      await second.end('SIGTERM')
    } finally {
      await kube.delete(Namespaces, target)
    }
  })
})

test('a backup that a server left waits for its location to come back, and holds nobody up meanwhile', async () => {
  const { kube } = await sharedCluster()
  await using _connection = { [Symbol.asyncDispose]: () => kube.close() }
  await using home = await testNamespace(kube)
  await using folder = await scratchFolder()
  const namespace = home.name
  await installKinds(kube)
  const [path, away] = [join(folder.path, 'store'), join(folder.path, 'away')]
  const often = { validationFrequency: '1s' }
  await makeLocation(kube, namespace, { path, spec: often })
  await makeLocation(kube, namespace, { name: 'spare', path: join(folder.path, 'spare') })
  const serve = (): ServerHere => startServerHere({ kube, namespace, now: () => new Date() })
  {
    await using _first = serve()
    await locationSays(kube, namespace, { phase: 'Available' })
  }
  // A mount that is gone: the server before us found it well.
  await rename(path, away)
  await writeFile(path, 'no directory')
  const startTimestamp = new Date().toISOString()
  const status = { phase: 'InProgress', startTimestamp }
  const spec = { includedNamespaces: [namespace], includedResources: ['configmaps'], storageLocation: 'default' }
  await make(kube, Backups, { name: 'left', namespace, spec, status })
  await using _second = serve()
  const found = (): Promise<Backup> => kube.get(Backups, 'left', { namespace })
  const why = await eventually(async () => (await found()).metadata.annotations?.[annotationKeys.waits])
  assert.match(why, /^backup location default cannot be used: /)
  await askForBackup(kube, namespace, { name: 'other', spec: { ...spec, storageLocation: 'spare' } })
  assert.equal((await ended(kube, Backups, { name: 'other', namespace })).status?.phase, 'Completed')
  assert.equal((await found()).status?.phase, 'InProgress')
  await rm(path)
  await rename(away, path)
  const { status: end, metadata } = await ended(kube, Backups, { name: 'left', namespace, seconds: 60 })
  assert.equal(end?.phase, 'Completed', end?.failureReason)
  assert.equal(metadata.annotations?.[annotationKeys.waits], undefined)
})

// Real Velero beside Lifeboat: both back up the same cluster, and Velero restores what either made.
import assert from 'node:assert/strict'
import { createReadStream } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { Backups } from '#api/backup.ts'
import { DeleteBackupRequests, type DeleteBackupRequest } from '#api/delete-backup-request.ts'
import type { Restore } from '#api/restore.ts'
import { openArchive } from '#archive/open.ts'
import { decodeResourceList, type ResourceList } from '#archive/resource-list.ts'
import { decodeResults, type Results } from '#archive/results.ts'
import type { KubeClient } from '#kube/client.ts'
import { parseJson } from '#kube/json.ts'
import { backupKey, backupPrefix, restoreKey } from '#store/layout.ts'
import type { ObjectStore } from '#store/store.ts'
import { backUp } from '../support/backup-run.ts'
import { serverNamespace } from '../../bench/installation.ts'
import { ownCluster, testNamespace, type TestCluster } from '../support/cluster.ts'
import { Secrets } from '../support/objects.ts'
import { eventually, makeLocation, startServer } from '../support/server.ts'
import { takeBaseline, type ClusterState } from './normalize.ts'
import { comparableList, comparableResults, furnishAsRecorded } from './recorded-restore.ts'
import { differences } from './recorded-state.ts'
import { assertSameOutcome, assertSameStored } from './same-backup.ts'
import { settledState } from './settled-state.ts'
import {
  locationOf,
  openPlaces,
  openSite,
  type Places,
  type SiteSetting,
  type VeleroSite,
  veleroTimeout,
} from './velero-site.ts'
import { applyWorkloads } from './workloads.ts'

/** What is asked of both, by the backup's name. */
const scopes: Readonly<Record<string, readonly string[]>> = {
  everything: [],
  'one-namespace': ['--include-namespaces', 'harbor'],
  'cluster-scoped-too': ['--include-namespaces', 'harbor,orchard', '--include-cluster-resources=true'],
  'not-cluster-scoped': ['--include-namespaces', 'harbor', '--include-cluster-resources=false'],
  selector: ['--selector', 'tier=web'],
  resources: ['--include-resources', 'sa,deploy,trees,climates', '--include-namespaces', 'har*,orch?rd,default'],
  pods: ['--include-resources', 'pods'],
  'without-volumes': [
    '--exclude-resources',
    'persistentvolumes,persistentvolumeclaims',
    '--include-namespaces',
    'harbor',
  ],
  scoped: ['--include-cluster-scoped-resources', 'storageclasses', '--exclude-namespace-scoped-resources', 'secrets'],
  accounts: ['--include-namespace-scoped-resources', 'sa', '--exclude-cluster-scoped-resources', 'clusterroles'],
  'absent-namespace': ['--include-namespaces', 'harbor,absent'],
}

test(
  'Velero and Lifeboat back up the same, and Velero restores either alike',
  { timeout: veleroTimeout },
  async (context) => {
    await using places = await openPlaces()
    const before = await backUpByBoth(context, places)
    for (const backup of ['one-namespace', 'everything']) {
      await context.test(`Velero restores our ${backup} as it restores its own`, async (step) => {
        const { signal } = step
        const theirs = await inNewCluster({ places, maker: 'velero', signal }, (target) => restored(target, backup))
        const ours = await inNewCluster({ places, maker: 'lifeboat', signal }, async (target) => {
          await step.test('velero backup describe, logs, download', () => assertShown(target, backup))
          const outcome = await restored(target, backup)
          await step.test('velero backup delete', () => assertDeleted(target, backup))
          return outcome
        })
        assert.equal(ours.restore.status?.phase, 'Completed')
        assert.equal(ours.restore.status.errors ?? 0, 0)
        assert.deepEqual(ours.restore.status.progress, theirs.restore.status?.progress)
        assert.deepEqual(differences(theirs.state, ours.state), [])
        assert.deepEqual(comparableList(ours.list), comparableList(theirs.list))
        assert.deepEqual(comparableResults(ours.results.warnings), comparableResults(theirs.results.warnings))
        assert.deepEqual(lostInNamespaces(before, ours.state, backup), ['configmaps/harbor/scratch-notes'])
      })
    }
  },
)

/** Backs up one cluster in every scope, by Velero and by us, and compares; gives the cluster's state. */
async function backUpByBoth(context: TestContext, places: Places): Promise<ClusterState> {
  await using cluster = await ownCluster()
  const { kube } = cluster
  await furnishAsRecorded(kube)
  const baseline = await takeBaseline(kube)
  await applyWorkloads(kube)
  await using site = await openSite(cluster, { places, maker: 'velero', signal: context.signal })
  const state = await settledState(kube, baseline)
  for (const [name, flags] of Object.entries(scopes)) {
    await context.test(`backup of ${name}: the same objects in the same places`, async () => {
      const theirs = await site.backUp(name, flags)
      const ours = await backUp({ kube, store: places.stores.lifeboat, name, spec: theirs.spec })
      assertSameOutcome(ours, theirs)
      assert.notEqual(await assertSameStored(places.stores, name), 0)
    })
  }
  await context.test("Lifeboat beside it takes Velero's backups over, and Velero forgets one that it deletes", () =>
    assertShared(cluster, places),
  )
  return state
}

/** A Lifeboat server for the bucket of Velero, with custom resources of its own. */
async function assertShared({ kube, kubeconfigPath }: TestCluster, { s3, stores }: Places): Promise<void> {
  await using home = await testNamespace(kube)
  const namespace = home.name
  const { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret } = s3.env
  const cloud = `[default]\naws_access_key_id=${id}\naws_secret_access_key=${secret}\n`
  const data = { cloud: Buffer.from(cloud).toString('base64') }
  await kube.create(Secrets, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'cloud' }, data }, { namespace })
  const spec = { ...locationOf(s3, 'velero'), credential: { name: 'cloud', key: 'cloud' } }
  await makeLocation(kube, namespace, { name: 'shared', path: '', spec })
  await using server = startServer({ kubeconfigPath, namespace })
  for (const name of Object.keys(scopes)) {
    const ours = await eventually(() => kube.find(Backups, name, { namespace }))
    const theirs = await kube.get(Backups, name, { namespace: serverNamespace })
    assert.deepEqual(ours.status, theirs.status)
    assert.deepEqual(ours.spec, { ...theirs.spec, storageLocation: 'shared' })
  }
  const deletion: DeleteBackupRequest = {
    apiVersion: 'velero.io/v1',
    kind: 'DeleteBackupRequest',
    metadata: { name: 'x' },
    spec: { backupName: 'pods' },
  }
  await kube.create(DeleteBackupRequests, deletion, { namespace })
  await eventually(async () => ((await kube.find(Backups, 'pods', { namespace })) === undefined ? true : undefined))
  assert.deepEqual(await Array.fromAsync(stores.velero.list(backupPrefix('pods'))), [])
  // Velero looks into the bucket once a minute.
  await eventually(
    async () => ((await kube.find(Backups, 'pods', { namespace: serverNamespace })) === undefined ? true : undefined),
    150,
  )
  await server.end('SIGTERM')
}

/** An emptied cluster whose Velero has found the backups of one maker. */
interface Target {
  kube: KubeClient
  site: VeleroSite
  store: ObjectStore
  /** The state, without what was there before. */
  state: () => Promise<ClusterState>
}

async function inNewCluster<T>(setting: SiteSetting, work: (target: Target) => Promise<T>): Promise<T> {
  await using cluster = await ownCluster()
  const { kube } = cluster
  await furnishAsRecorded(kube)
  const baseline = await takeBaseline(kube)
  await using site = await openSite(cluster, { ...setting, restarted: true })
  return await work({
    kube,
    site,
    store: setting.places.stores[setting.maker],
    state: () => settledState(kube, baseline),
  })
}

interface Restored {
  restore: Restore
  state: ClusterState
  list: ResourceList
  results: Results
}

async function restored({ site, store, state }: Target, backup: string): Promise<Restored> {
  await site.knows(backup)
  const name = `${backup}-again`
  const restore = await site.restore(name, backup)
  return {
    restore,
    state: await state(),
    list: await decodeResourceList(await store.get(restoreKey(name, 'resource-list'))),
    results: await decodeResults(await store.get(restoreKey(name, 'results'))),
  }
}

/** What was in the restored namespaces and is no more. Pods that a controller made have other names before and after. */
function lostInNamespaces(before: ClusterState, after: ClusterState, backup: string): string[] {
  const inScope = backup === 'everything' ? /^[^/]+\/(harbor|orchard)\// : /^[^/]+\/harbor\//
  return [...before.keys()].filter((path) => inScope.test(path) && !path.includes('-GENERATED-') && !after.has(path))
}

async function assertShown({ site, store }: Target, backup: string): Promise<void> {
  const { velero, directory } = site
  const { status } = await site.knows(backup)
  const described = await velero('backup', 'describe', backup, '--details')
  assert.match(described, /^Phase: +Completed$/m)
  assert.match(described, new RegExp(`^Items backed up: +${status?.progress?.itemsBackedUp}$`, 'm'))
  assert.match(described, /^ {2}apps\/v1\/Deployment:\n {4}- harbor\/parked\n {4}- harbor\/storefront\n/m)
  assert.match(described, /^Backup Volumes:\n {2}Velero-Native Snapshots: <none included>$/m)
  assert.doesNotMatch(described, /<error|error getting|an error occurred/i)
  assert.match(await velero('backup', 'logs', backup), new RegExp(`Archived all objects.* backup=velero/${backup} `))
  const file = join(directory, `${backup}-data.tar.gz`)
  await velero('backup', 'download', backup, '--output', file)
  await using fetched = await openArchive(createReadStream(file), { spoolDir: tmpdir(), parse: parseJson })
  await using stored = await openArchive(await store.get(backupKey(backup, 'contents')), {
    spoolDir: tmpdir(),
    parse: parseJson,
  })
  assert.equal(fetched.formatVersion, '1.1.0')
  assert.deepEqual([...fetched.entries()], [...stored.entries()])
}

async function assertDeleted({ site, store }: Target, backup: string): Promise<void> {
  await site.velero('backup', 'delete', backup, '--confirm')
  await eventually(async () => {
    const left = await Array.fromAsync(store.list(backupPrefix(backup)))
    return left.length === 0 ? true : undefined
  })
}

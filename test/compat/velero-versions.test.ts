// Real Velero with its feature EnableAPIGroupVersions beside Lifeboat with the same: archives with every served version of each type.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BackupStorageLocations } from '#api/backup-storage-location.ts'
import type { KubeClient } from '#kube/client.ts'
import type { KubeObject, ResourceType } from '#kube/object.ts'
import { apiVersionOf } from '#kube/object.ts'
import { serverNamespace as namespace } from '../../bench/installation.ts'
import { bringBack, removeNamespace } from '../cluster/restore-order.ts'
import { backUp } from '../support/backup-run.ts'
import { ownCluster } from '../support/cluster.ts'
import { define } from '../support/custom-type.ts'
import { ConfigMaps, make, Namespaces } from '../support/objects.ts'
import { assertSameOutcome, assertSameStored, contentsOf } from './same-backup.ts'
import { locationOf, openPlaces, openSite, veleroTimeout } from './velero-site.ts'

const Gauges: ResourceType = {
  group: 'versions.lifeboat.test',
  version: 'v1',
  plural: 'gauges',
  kind: 'Gauge',
  namespaced: true,
}
const Scalers: ResourceType = {
  group: 'autoscaling',
  version: 'v2',
  plural: 'horizontalpodautoscalers',
  kind: 'HorizontalPodAutoscaler',
  namespaced: true,
}

/** Objects of types that are served in one, two and three versions. */
async function furnish(kube: KubeClient): Promise<void> {
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } }
  const version = (name: string, storage: boolean): object => ({ name, served: true, storage, schema })
  await define(kube, Gauges, { versions: [version('v1', true), version('v2beta1', false), version('v1alpha1', false)] })
  await make(kube, Namespaces, { name: 'boiler' })
  await make(kube, Gauges, { namespace: 'boiler', name: 'steam', spec: { bar: 7 } })
  await make(kube, ConfigMaps, { namespace: 'boiler', name: 'limits', data: { bar: '9' } })
  const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'none' }
  await make(kube, Scalers, { namespace: 'boiler', name: 'fire', spec: { scaleTargetRef, maxReplicas: 3 } })
}

async function assertBack(kube: KubeClient): Promise<void> {
  const specOf = (object: KubeObject): unknown => object['spec']
  assert.deepEqual(specOf(await kube.get(Gauges, 'steam', { namespace: 'boiler' })), { bar: 7 })
  assert.deepEqual((await kube.get(ConfigMaps, 'limits', { namespace: 'boiler' }))['data'], { bar: '9' })
  const { maxReplicas } = specOf(await kube.get(Scalers, 'fire', { namespace: 'boiler' })) as { maxReplicas: number }
  assert.equal(maxReplicas, 3)
}

test(
  'with every version in the archive both store the same, and each restores what the other made',
  { timeout: veleroTimeout },
  async (t) => {
    await using places = await openPlaces()
    await using cluster = await ownCluster()
    const { kube } = cluster
    const { velero, lifeboat } = places.stores
    await furnish(kube)
    const spec = { includedNamespaces: ['boiler'] }
    await backUp({ kube, store: lifeboat, name: 'ours-versions', spec, everyVersion: true })
    await backUp({ kube, store: lifeboat, name: 'ours-plain', spec })
    const setting = { places, maker: 'velero', features: ['EnableAPIGroupVersions'], signal: t.signal } as const
    await using site = await openSite(cluster, setting)
    await makeSecondLocation(kube, { ...locationOf(places.s3, 'lifeboat'), default: false })

    await t.test('the archives hold the same entries, in folders by version', async () => {
      const theirs = await site.backUp('versions', ['--include-namespaces', 'boiler'])
      const ours = await backUp({ kube, store: lifeboat, name: 'versions', spec: theirs.spec, everyVersion: true })
      assertSameOutcome(ours, theirs)
      await assertSameStored(places.stores, 'versions')
      const stored = [...(await contentsOf(lifeboat, 'versions')).keys()]
      const end = 'namespaces/boiler/steam.json'
      const folder = 'resources/gauges.versions.lifeboat.test'
      const versions = ['', '/v1-preferredversion', '/v1alpha1', '/v2beta1']
      assert.deepEqual(
        stored.filter((path) => path.startsWith(folder)).toSorted(),
        versions.map((version) => `${folder}${version}/${end}`),
      )
    })
    // The definition stays: Velero would wait for ever for a type that its discovery of five minutes ago knew.
    for (const [backup, store] of [
      ['ours-versions', lifeboat],
      ['ours-plain', lifeboat],
      ['versions', velero],
    ] as const) {
      if (store === lifeboat) {
        await t.test(`Velero restores ${backup}, a backup of ours, with the feature on`, async () => {
          await site.knows(backup)
          await removeNamespace(kube, 'boiler')
          const { status } = await site.restore(`${backup}-back`, backup)
          assert.deepEqual([status?.phase, status?.errors ?? 0], ['Completed', 0])
          await assertBack(kube)
        })
      }
      await t.test(`Lifeboat restores ${backup}, once each object`, async () => {
        await removeNamespace(kube, 'boiler')
        const name = `${backup}-by-us`
        const { restore, results, resourceList } = await bringBack({ kube, store, name, spec: { backupName: backup } })
        assert.deepEqual([restore.status?.phase, results.errors], ['Completed', {}])
        assert.deepEqual(resourceList['versions.lifeboat.test/v1/Gauge'], ['boiler/steam(created)'])
        await assertBack(kube)
      })
    }
  },
)

async function makeSecondLocation(kube: KubeClient, spec: object): Promise<void> {
  const head = { apiVersion: apiVersionOf(BackupStorageLocations), kind: BackupStorageLocations.kind }
  const location = { ...head, metadata: { name: 'ours', namespace }, spec }
  await kube.create<KubeObject>(BackupStorageLocations, location, { namespace })
}

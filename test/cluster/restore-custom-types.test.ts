import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KubeClient } from '#kube/client.ts'
import type { ResourceType } from '#kube/object.ts'
import { memoryStore } from '#store/memory.ts'
import { backUp } from '../support/backup-run.ts'
import { ownCluster } from '../support/cluster.ts'
import { ConfigMaps, Definitions, Namespaces, make } from '../support/objects.ts'
import { bringBack, eventually, namesIn, removeNamespace } from './restore-order.ts'

const Trees: ResourceType = { group: 'orchard.test', version: 'v1', plural: 'trees', kind: 'Tree', namespaced: true }
const definition = 'trees.orchard.test'

async function plant(kube: KubeClient): Promise<void> {
  await kube.create(Definitions, {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: definition },
    spec: {
      group: 'orchard.test',
      scope: 'Namespaced',
      names: { plural: 'trees', singular: 'tree', kind: 'Tree', listKind: 'TreeList', shortNames: ['tr'] },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          subresources: { status: {} },
          schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
        },
      ],
    },
  })
  await eventually(async () => (await kube.discover()).types.some(({ plural }) => plural === 'trees'), 'trees served')
  await kube.create(Namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'orchard' } })
  const tree = await make(kube, Trees, {
    name: 'quince',
    namespace: 'orchard',
    spec: { height: 12345678901234567890n.toString() },
  })
  await kube.replace(Trees, { ...tree, status: { ripe: true } }, { namespace: 'orchard', subresource: 'status' })
  await make(kube, ConfigMaps, { name: 'notes', namespace: 'orchard' })
}

async function fell(kube: KubeClient): Promise<void> {
  await removeNamespace(kube, 'orchard')
  await kube.delete(Definitions, definition)
  await eventually(async () => (await kube.find(Definitions, definition)) === undefined, 'definition gone')
  await eventually(
    async () => !(await kube.discover()).types.some(({ plural }) => plural === 'trees'),
    'trees not served',
  )
}

test('a custom type and its objects come back together, status only when asked for', async () => {
  await using cluster = await ownCluster()
  const { kube } = cluster
  const store = memoryStore()
  await plant(kube)
  await backUp({ kube, store })
  await fell(kube)

  const { results, resourceList } = await bringBack({ kube, store, spec: { includedResources: ['crd', 'tr', 'ns'] } })
  assert.deepEqual(results.errors, {})
  assert.deepEqual(resourceList['orchard.test/v1/Tree'], ['orchard/quince(created)'])
  assert.equal((await kube.get(Trees, 'quince', { namespace: 'orchard' }))['status'], undefined)
  assert.ok(!(await namesIn(kube, ConfigMaps, 'orchard')).includes('notes'))

  await fell(kube)
  await bringBack({ kube, store, name: 'with-status', spec: { restoreStatus: { includedResources: ['trees'] } } })
  assert.deepEqual((await kube.get(Trees, 'quince', { namespace: 'orchard' }))['status'], { ripe: true })
  assert.ok((await namesIn(kube, ConfigMaps, 'orchard')).includes('notes'))

  await fell(kube)
  // With a namespace filter the definition does not come along, as with Velero (golden a04).
  const alone = await bringBack({ kube, store, name: 'alone', spec: { includedNamespaces: ['orchard'] } })
  assert.equal(alone.restore.status?.phase, 'PartiallyFailed')
  assert.deepEqual(alone.results.errors, {
    namespaces: {
      orchard: ['error restoring trees.orchard.test/orchard/quince: the server could not find the requested resource'],
    },
  })
  assert.ok((await namesIn(kube, ConfigMaps, 'orchard')).includes('notes'))
})

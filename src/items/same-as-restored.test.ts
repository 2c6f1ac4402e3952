import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { KubeObject } from '#kube/object.ts'
import type { RestoreContext } from './restore-context.ts'
import { prepareForRestore } from './restore-step.ts'
import { sameAsRestored } from './same-as-restored.ts'

const context: RestoreContext = {
  backupName: 'b',
  restoreName: 'r',
  namespaceMapping: { shop: 'copy' },
  volumes: new Map(),
  liveServiceAccounts: new Set(),
  restoresStatus: () => false,
}

function desiredOf(resource: string, archived: KubeObject): KubeObject {
  const step = prepareForRestore({ resource, object: archived }, context)
  assert.ok(step.do === 'create')
  return step.object
}

/** Whether `live` counts as what was archived. */
function same(resource: string, archived: KubeObject, live: KubeObject): boolean {
  return sameAsRestored(resource, { live, desired: desiredOf(resource, archived) }, context)
}

function service(namespace: string, spec: object): KubeObject {
  return { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web', namespace }, spec }
}

test('the addresses and ports that a cluster gives a Service are no difference; its own fields are', () => {
  const archived = service('shop', {
    clusterIP: '10.0.0.1',
    clusterIPs: ['10.0.0.1'],
    ports: [{ port: 80, nodePort: 30_001 }],
    selector: { app: 'web' },
  })
  const live = (selector: object): KubeObject =>
    service('copy', {
      clusterIP: '10.0.0.9',
      clusterIPs: ['10.0.0.9'],
      ports: [{ port: 80, nodePort: 30_002 }],
      selector,
    })
  assert.equal(same('services', archived, live({ app: 'web' })), true)
  assert.equal(same('services', archived, live({ app: 'web', more: '1' })), false)
})

test('the node of a pod and its token are no difference; its image is', () => {
  const pod = (
    namespace: string,
    { node, token, image }: { node: string; token: string; image: string },
  ): KubeObject => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', namespace },
    spec: {
      nodeName: node,
      serviceAccountName: 'default',
      containers: [
        {
          name: 'web',
          image,
          volumeMounts: [{ name: token, mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' }],
        },
      ],
      volumes: [{ name: token, projected: {} }],
    },
  })
  const archived = pod('shop', { node: 'a', token: 'default-token-aaaaa', image: 'web:1' })
  assert.equal(same('pods', archived, pod('copy', { node: 'b', token: 'default-token-bbbbb', image: 'web:1' })), true)
  assert.equal(same('pods', archived, pod('copy', { node: 'b', token: 'default-token-bbbbb', image: 'web:2' })), false)
})

test('what a restore has just made counts as the same, whatever it is', () => {
  const resources = fc.constantFrom(
    'configmaps',
    'services',
    'deployments.apps',
    'serviceaccounts',
    'boats.example.org',
  )
  const parts = fc.dictionary(
    fc.constantFrom('data', 'spec', 'rules'),
    fc.dictionary(fc.string(), fc.string(), { noNullPrototype: true }),
    { noNullPrototype: true },
  )
  fc.assert(
    fc.property(resources, parts, (resource, rest) => {
      const archived: KubeObject = {
        apiVersion: 'v1',
        kind: 'Any',
        metadata: { name: 'a', namespace: 'shop' },
        ...rest,
      }
      const desired = desiredOf(resource, archived)
      const live = { ...desired, metadata: { ...desired.metadata, uid: 'u', resourceVersion: '1' }, status: {} }
      assert.equal(sameAsRestored(resource, { live, desired }, context), true)
    }),
  )
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { KubeObject } from '#kube/object.ts'
import { type ExtraKept, type OwnerFate, extraKept } from './extra.ts'

const unknown: OwnerFate = () => undefined

function kept(
  resource: string,
  metadata: Partial<KubeObject['metadata']> = {},
  rest: object = {},
  fate = unknown,
): ExtraKept | undefined {
  const object: KubeObject = {
    apiVersion: 'v1',
    kind: 'Any',
    metadata: { name: 'a', namespace: 'shop', ...metadata },
    ...rest,
  }
  return extraKept({ resource, object }, fate)
}

const owner = (uid: string) => ({ apiVersion: 'v1', kind: 'Any', name: uid, uid })

test('what nobody keeps and nothing depends on is deleted', () => {
  for (const resource of ['configmaps', 'secrets', 'services', 'deployments.apps', 'pods', 'boats.example.org']) {
    assert.equal(kept(resource), undefined, resource)
  }
})

test('whatever it looks like, what changes by itself, holds data or is ours stays', () => {
  const resources = {
    'never-deleted': [
      'events',
      'events.events.k8s.io',
      'leases.coordination.k8s.io',
      'namespaces',
      'backups.velero.io',
      'things.lifeboat.dev',
    ],
    'holds-data': ['persistentvolumeclaims', 'persistentvolumes', 'volumesnapshots.snapshot.storage.k8s.io'],
  }
  const labels = fc.dictionary(fc.string(), fc.string(), { noNullPrototype: true })
  for (const [reason, names] of Object.entries(resources)) {
    fc.assert(
      fc.property(fc.constantFrom(...names), labels, (resource, own) =>
        assert.equal(kept(resource, { labels: own }), reason),
      ),
    )
  }
})

test('what the cluster makes itself stays', () => {
  const made = [
    kept('configmaps', { name: 'kube-root-ca.crt' }),
    kept('serviceaccounts', { name: 'default' }),
    kept('secrets', {}, { type: 'kubernetes.io/service-account-token' }),
    kept('endpoints', { labels: { 'endpoints.kubernetes.io/managed-by': 'endpoint-controller' } }),
    kept('endpointslices.discovery.k8s.io', { labels: { 'endpointslice.kubernetes.io/managed-by': 'x' } }),
    kept('pods', { annotations: { 'kubernetes.io/config.mirror': 'x' } }),
  ]
  assert.deepEqual(new Set(made), new Set(['made-by-the-cluster']))
})

test('an owned object stays with an owner that remains or is unknown, and goes by itself with owners that all go', () => {
  const fates = fc.constantFrom<'goes' | 'stays' | undefined>('goes', 'stays', undefined)
  fc.assert(
    fc.property(fc.array(fates, { minLength: 1, maxLength: 3 }), (all) => {
      const ownerReferences = all.map((_, index) => owner(String(index)))
      const expected = all.every((fate) => fate === 'goes') ? 'goes-with-its-owner' : 'owner-remains'
      assert.equal(
        kept('pods', { ownerReferences }, {}, (uid) => all[Number(uid)]),
        expected,
      )
    }),
  )
})

test('what is being deleted is not deleted again', () => {
  assert.equal(kept('configmaps', { deletionTimestamp: '2026-01-01T00:00:00Z' }), 'being-deleted')
})

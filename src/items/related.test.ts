import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Item, KubeObject } from '#kube/object.ts'
import { refKey } from './item-ref.ts'
import type { RelatedFacts } from './related.ts'
import { crdOfType, indexBindings, relatedItems } from './related.ts'

function item(plural: string, object: KubeObject): Item {
  const { name, namespace } = object.metadata
  return { type: { group: '', version: 'v1', plural, kind: object.kind, namespaced: true }, namespace, name, object }
}

function related(of: Item, facts: Partial<RelatedFacts> = {}): string[] {
  return relatedItems(of, { bindings: new Map(), ...facts }).map(refKey)
}

function pod(name: string, claims: string[], phase = 'Running'): KubeObject {
  const volumes = [
    { name: 'tmp', emptyDir: {} },
    ...claims.map((claimName) => ({ persistentVolumeClaim: { claimName } })),
  ]
  const spec = { priorityClassName: 'urgent', volumes }
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'shop' }, spec, status: { phase } }
}

function claim(name: string, phase: string, labels = {}): KubeObject {
  const metadata = { name, namespace: 'shop', labels }
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata,
    spec: { volumeName: `pv-${name}` },
    status: { phase },
  }
}

test('a pod brings its claims and its priority class', () => {
  assert.deepEqual(related(item('pods', pod('web', ['data', 'logs']))), [
    'priorityclasses.scheduling.k8s.io/urgent',
    'persistentvolumeclaims/shop/data',
    'persistentvolumeclaims/shop/logs',
  ])
})

test('a bound claim brings its volume, the running pods that mount it and the claims of its group', () => {
  const group = { 'velero.io/volume-group': 'g' }
  const of = item('persistentvolumeclaims', claim('data', 'Bound', group))
  const facts = {
    pods: [pod('web', ['data']), pod('done', ['data'], 'Succeeded'), pod('other', ['logs'])],
    claims: [claim('data', 'Bound', group), claim('logs', 'Bound', group), claim('alone', 'Bound')],
  }
  assert.deepEqual(related(of, facts), [
    'persistentvolumes/pv-data',
    'pods/shop/web',
    'persistentvolumeclaims/shop/logs',
  ])
  assert.deepEqual(related(of, { ...facts, volumeGroupLabel: 'team' }), ['persistentvolumes/pv-data', 'pods/shop/web'])
})

test('a claim that is not bound brings nothing', () => {
  assert.deepEqual(
    related(item('persistentvolumeclaims', claim('data', 'Pending')), { pods: [pod('web', ['data'])] }),
    [],
  )
})

const binding = (name: string, role: string, subjects: object[]): KubeObject => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRoleBinding',
  metadata: { name },
  roleRef: { kind: 'ClusterRole', name: role },
  subjects,
})

test('a service account brings the cluster-wide bindings that name it, and their roles', () => {
  const bindings = indexBindings([
    binding('readers', 'view', [{ kind: 'ServiceAccount', namespace: 'shop', name: 'web' }]),
    binding('people', 'view', [
      { kind: 'User', name: 'web' },
      { kind: 'Group', name: 'system:serviceaccounts' },
    ]),
    binding('elsewhere', 'edit', [{ kind: 'ServiceAccount', namespace: 'bar', name: 'web' }]),
  ])
  const account: KubeObject = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'web', namespace: 'shop' } }
  assert.deepEqual(related(item('serviceaccounts', account), { bindings }), [
    'clusterrolebindings.rbac.authorization.k8s.io/readers',
    'clusterroles.rbac.authorization.k8s.io/view',
  ])
})

test('a custom resource’s definition carries the name of its type', () => {
  const type = { group: 'orchard.test', version: 'v1', plural: 'trees', kind: 'Tree', namespaced: true }
  const crd = crdOfType(type)
  assert.equal(crd && refKey(crd), 'customresourcedefinitions.apiextensions.k8s.io/trees.orchard.test')
  assert.equal(crdOfType({ ...type, group: '' }), undefined)
})

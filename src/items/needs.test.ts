import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { refKey } from './item-ref.ts'
import { neededToCreate } from './needs.ts'

const keys = (kind: string, rest: object): string[] =>
  neededToCreate({ apiVersion: 'v1', kind, metadata: { name: 'a', namespace: 'shop' }, ...rest }).map(refKey)

test('a pod needs its account and its classes, a binding its role', () => {
  const spec = { serviceAccountName: 'till', priorityClassName: 'high', runtimeClassName: 'gvisor' }
  assert.deepEqual(keys('Pod', { spec }), [
    'serviceaccounts/shop/till',
    'priorityclasses.scheduling.k8s.io/high',
    'runtimeclasses.node.k8s.io/gvisor',
  ])
  assert.deepEqual(keys('RoleBinding', { roleRef: { kind: 'Role', name: 'r' } }), [
    'roles.rbac.authorization.k8s.io/shop/r',
  ])
  assert.deepEqual(keys('RoleBinding', { roleRef: { kind: 'ClusterRole', name: 'r' } }), [
    'clusterroles.rbac.authorization.k8s.io/r',
  ])
})

test('everything else needs nothing, and what is empty is not needed', () => {
  assert.deepEqual(keys('Pod', { spec: { serviceAccountName: '' } }), [])
  fc.assert(fc.property(fc.object(), (spec) => assert.deepEqual(keys('Deployment', { spec }), [])))
  fc.assert(fc.property(fc.anything(), (spec) => assert.ok(keys('Pod', { spec }).length <= 3)))
})

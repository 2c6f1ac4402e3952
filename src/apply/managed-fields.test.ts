import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KubeObject } from '#kube/object.ts'
import { creatingManager, needsExactManagers } from './managed-fields.ts'

function managedBy(...managedFields: object[]): KubeObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', managedFields } }
}

const applied = { manager: 'captain', operation: 'Apply', fieldsV1: { 'f:data': {} } }
const client = { manager: 'kubectl', operation: 'Update', fieldsV1: { 'f:data': { 'f:a': {}, 'f:b': {} } } }
const controller = { manager: 'kcm', operation: 'Update', fieldsV1: { 'f:x': {} } }
const status = {
  manager: 'kubelet',
  operation: 'Update',
  subresource: 'status',
  fieldsV1: { 'f:status': { 'f:phase': {}, 'f:conditions': {}, 'f:podIP': {} } },
}

test('an object is created in the name of whoever owns most of it', () => {
  assert.equal(creatingManager(managedBy(controller, client, status)), 'kubectl')
})

test('managers of the status alone, and of server-side apply, create nothing', () => {
  assert.equal(creatingManager(managedBy(status)), undefined)
  assert.equal(creatingManager(managedBy(applied)), undefined)
  assert.equal(creatingManager(managedBy()), undefined)
})

test('managers are written back exactly when one of them uses server-side apply', () => {
  assert.equal(needsExactManagers(managedBy(client, applied)), true)
  assert.equal(needsExactManagers(managedBy(client, controller, status)), false)
  assert.equal(needsExactManagers({ apiVersion: 'v1', kind: 'A', metadata: { name: 'a' } }), false)
})

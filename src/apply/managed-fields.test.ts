import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KubeObject } from '#kube/object.ts'
import { creatingManager, needsExactManagers, notedPatch, sentObject } from './managed-fields.ts'

function managedBy(...managedFields: object[]): KubeObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', managedFields } }
}

const applied = { manager: 'captain', operation: 'Apply' }
const client = { manager: 'kubectl', operation: 'Update' }
const controller = { manager: 'kcm', operation: 'Update' }
const status = { manager: 'kubelet', operation: 'Update', subresource: 'status' }

test('an object with one owner is created in its name, and that is all', () => {
  for (const object of [managedBy(client), managedBy(client, status)]) {
    assert.equal(creatingManager(object), 'kubectl')
    assert.equal(needsExactManagers(object), false)
  }
})

test('owners are written back when there are several, or when one uses server-side apply', () => {
  for (const object of [managedBy(client, controller), managedBy(applied), managedBy(status, applied, client)]) {
    assert.equal(creatingManager(object), undefined)
    assert.equal(needsExactManagers(object), true)
  }
})

test('an object without owners needs nothing', () => {
  for (const object of [managedBy(), managedBy(status), { ...managedBy(), metadata: { name: 'a' } }]) {
    assert.equal(creatingManager(object), undefined)
    assert.equal(needsExactManagers(object), false)
  }
})

test('a create carries only the entries that outlive it', () => {
  const sent = (...entries: object[]) => sentObject(managedBy(...entries)).metadata
  assert.deepEqual(sent(client, status), { name: 'a', managedFields: [status] })
  assert.deepEqual(sent(client), { name: 'a' })
  assert.deepEqual(sent(applied, client, status), { name: 'a' }, 'all of them are written back afterwards')
  assert.deepEqual(sent(status), { name: 'a', managedFields: [status] })
  const bare = { ...managedBy(), metadata: { name: 'a' } }
  assert.equal(sentObject(bare), bare)
})

test('a patch to an object without owners names the writer; where there are some the API server notes it by itself', () => {
  const patch = { metadata: { labels: { a: '1' } }, data: { b: '2' } }
  assert.equal(notedPatch(patch, managedBy(client), 'us'), patch)
  const { metadata, ...rest } = notedPatch(patch, managedBy(), 'us')
  const first = { manager: 'us', operation: 'Update', apiVersion: 'v1', fieldsType: 'FieldsV1', fieldsV1: {} }
  assert.deepEqual(metadata, { labels: { a: '1' }, managedFields: [first] })
  assert.deepEqual(rest, { data: { b: '2' } })
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { resetObject } from './reset.ts'

const kept = { namespace: 'shop', labels: { a: 'b' }, annotations: { c: 'd' }, finalizers: ['f'], managedFields: [{}] }
const gone = {
  generateName: 'x-',
  selfLink: '/',
  uid: 'u',
  resourceVersion: '1',
  generation: 3,
  creationTimestamp: 't',
  deletionTimestamp: 't',
  deletionGracePeriodSeconds: 30,
  ownerReferences: [],
}

test('what only one cluster knows goes; what the user said, finalizers and owners of fields stay', () => {
  const object = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'a', ...kept, ...gone },
    spec: { x: 1 },
    status: {},
  }
  const before = JSON.stringify(object)
  const reset = resetObject(object)
  assert.deepEqual(reset, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a', ...kept }, spec: { x: 1 } })
  assert.equal(JSON.stringify(object), before)
})

test('resetting twice is resetting once, and touches nothing but metadata and status', () => {
  const metadata = fc
    .record({ name: fc.string() })
    .chain((name) =>
      fc.subarray(Object.entries({ ...kept, ...gone })).map((some) => ({ ...name, ...Object.fromEntries(some) })),
    )
  const objects = fc.record({ metadata, spec: fc.jsonValue(), status: fc.jsonValue(), data: fc.jsonValue() })
  fc.assert(
    fc.property(objects, (parts) => {
      const object = { apiVersion: 'v1', kind: 'Any', ...parts }
      const once = resetObject(object)
      assert.deepEqual(resetObject(once), once)
      assert.deepEqual({ ...object, metadata: 0, status: 0 }, { ...once, metadata: 0, status: 0 })
    }),
  )
})

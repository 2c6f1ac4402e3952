import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseJson } from '#kube/json.ts'
import type { KubeObject } from '#kube/object.ts'
import { canonicalText, comparable } from './comparable.ts'

test('what a cluster assigns anew makes no difference, anything else does', () => {
  const before = object({
    metadata: { name: 'a', uid: '1', resourceVersion: '5', labels: { app: 'x' } },
    spec: { clusterIP: '10.0.0.1', port: 80 },
    status: {},
  })
  const after = object({
    metadata: { name: 'a', uid: '2', resourceVersion: '9', labels: { app: 'x', 'velero.io/restore-name': 'r' } },
    spec: { port: 80, clusterIP: '10.0.0.2' },
  })
  assert.equal(canonicalText(comparable(before)), canonicalText(comparable(after)))
  const changed = object({ metadata: { name: 'a', labels: { app: 'x' } }, spec: { port: 81 } })
  assert.notEqual(canonicalText(comparable(before)), canonicalText(comparable(changed)))
})

test('numbers beyond 2^53 are compared digit for digit', () => {
  const text = (number: string): string => canonicalText(parseJson(`{"b":[${number}],"a":1}`))
  assert.equal(text('9007199254740993'), '{"a":1,"b":[9007199254740993]}')
  assert.notEqual(text('9007199254740993'), text('9007199254740992'))
})

function object(fields: Omit<KubeObject, 'apiVersion' | 'kind'>): KubeObject {
  return { apiVersion: 'v1', kind: 'Service', ...fields } as KubeObject
}

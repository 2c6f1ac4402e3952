import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { KubeObject } from '#kube/object.ts'
import { type PathStep, diffJson, diffObjects, formatPath } from './diff.ts'
import { equalJson, objectOf } from './json.ts'

const json = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom<unknown>(null, true, 0, 1, '', 'a'),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.array(fc.record({ name: fc.constantFrom('a', 'b', 'c'), value: tie('value') }, { noNullPrototype: true }), {
      maxLength: 3,
    }),
    fc.dictionary(fc.constantFrom('a', 'b', 'name', '__proto__', 'x.y/z'), tie('value'), {
      maxKeys: 3,
      noNullPrototype: true,
    }),
  ),
})).value

/** What is at `path`; a list of one value when something is there. */
function found(document: unknown, path: readonly PathStep[]): unknown[] {
  let here: unknown[] = [document]
  for (const step of path) {
    const [value] = here
    if (typeof step === 'object') here = (value as { name: string }[]).filter(({ name }) => name === step.named)
    else if (typeof step === 'number') here = (value as unknown[]).slice(step, step + 1)
    else here = Object.hasOwn(value as object, step) ? [objectOf(value)?.[step]] : []
  }
  return here
}

test('there is no change exactly when both are equal', () => {
  fc.assert(fc.property(json, json, (a, b) => assert.equal(diffJson(a, b).length === 0, equalJson(a, b))))
  fc.assert(fc.property(json, (a) => assert.deepEqual(diffJson(a, structuredClone(a)), [])))
})

test('each change tells what is at its path on either side', () => {
  fc.assert(
    fc.property(json, json, (a, b) => {
      for (const change of diffJson(a, b)) {
        assert.deepEqual(found(a, change.path), 'old' in change ? [change.old] : [])
        assert.deepEqual(found(b, change.path), 'new' in change ? [change.new] : [])
      }
    }),
  )
})

test('the same read the other way round says the same', () => {
  const key = ({ path }: { path: readonly PathStep[] }): string => JSON.stringify(path)
  fc.assert(
    fc.property(json, json, (a, b) => {
      assert.deepEqual(diffJson(a, b).map(key).toSorted(), diffJson(b, a).map(key).toSorted())
    }),
  )
})

test('one changed leaf is one change at its path', () => {
  const pod = (image: string): unknown => ({
    spec: {
      containers: [
        { name: 'web', image, args: ['-x', '1'] },
        { name: 'side', image: 'y' },
      ],
    },
  })
  const [change, ...more] = diffJson(pod('a:1'), pod('a:2'))
  assert.deepEqual(more, [])
  assert.deepEqual(change, { path: ['spec', 'containers', { named: 'web' }, 'image'], old: 'a:1', new: 'a:2' })
  assert.equal(formatPath(change?.path ?? []), 'spec.containers[web].image')
})

test('a named entry that is added is one change, whatever stands around it', () => {
  const changes = diffJson(
    [{ name: 'a', v: 1 }],
    [
      { name: 'b', v: 1 },
      { name: 'a', v: 1 },
    ],
  )
  assert.deepEqual(changes, [{ path: [{ named: 'b' }], new: { name: 'b', v: 1 } }])
})

test('named entries in another order are compared by their place', () => {
  const changes = diffJson([{ name: 'a' }, { name: 'b' }], [{ name: 'b' }, { name: 'a' }])
  assert.deepEqual(
    changes.map(({ path }) => formatPath(path)),
    ['[0].name', '[1].name'],
  )
})

test('a path is read without doubt', () => {
  assert.equal(formatPath(['metadata', 'labels', 'a.b/c']), 'metadata.labels["a.b/c"]')
  assert.equal(formatPath(['a', 0, { named: '1' }]), 'a[0]["1"]')
})

test('what only a cluster knows is no difference between two objects', () => {
  const object = (metadata: object, data: object): KubeObject => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'a', ...metadata },
    data,
    status: metadata,
  })
  const live = object(
    { uid: 'u', resourceVersion: '1', managedFields: [], labels: { 'velero.io/restore-name': 'r' } },
    {},
  )
  assert.deepEqual(diffObjects(live, object({}, {})), [])
  assert.deepEqual(diffObjects(live, object({}, { a: 'b' })), [{ path: ['data', 'a'], new: 'b' }])
})

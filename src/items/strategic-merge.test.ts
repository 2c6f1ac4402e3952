import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { JsonObject } from './json.ts'
import { mergeRulesOf } from './merge-keys.ts'
import { PatchError } from './patch-error.ts'
import { applyStrategicPatch } from './strategic-merge.ts'

/** `spec` of a pod after a patch of it. */
function podAfter(spec: JsonObject, patch: JsonObject): unknown {
  const before = JSON.stringify(spec)
  const patched = applyStrategicPatch({ spec }, { spec: patch }, mergeRulesOf('pods')!)
  assert.equal(JSON.stringify(spec), before)
  return patched['spec']
}

const [a, b] = [
  { name: 'a', image: 'a:1' },
  { name: 'b', image: 'b:1' },
]

test('containers are merged by name, their ports by number, their variables by name', () => {
  const spec = {
    containers: [{ ...a, ports: [{ containerPort: 80, name: 'http' }], env: [{ name: 'X', value: '1' }] }, b],
  }
  const patch = {
    containers: [
      {
        name: 'a',
        image: 'a:2',
        ports: [{ containerPort: 80, protocol: 'UDP' }, { containerPort: 81 }],
        env: [{ name: 'Y', value: '2' }],
      },
    ],
  }
  assert.deepEqual(podAfter(spec, patch), {
    containers: [
      {
        name: 'a',
        image: 'a:2',
        ports: [{ containerPort: 80, name: 'http', protocol: 'UDP' }, { containerPort: 81 }],
        env: [
          { name: 'Y', value: '2' },
          { name: 'X', value: '1' },
        ],
      },
      b,
    ],
  })
})

test('lists without a key are replaced, as are tolerations', () => {
  const spec = { tolerations: [{ key: 'a' }], containers: [{ ...a, command: ['x', 'y'] }] }
  const patch = { tolerations: [{ key: 'b' }], containers: [{ name: 'a', command: ['z'] }] }
  assert.deepEqual(podAfter(spec, patch), { tolerations: [{ key: 'b' }], containers: [{ ...a, command: ['z'] }] })
})

test('elements, lists and maps can be deleted or replaced by a directive', () => {
  const spec = { containers: [a, b], nodeSelector: { x: '1' }, securityContext: { runAsUser: 1, fsGroup: 2 } }
  for (const [patch, result] of [
    [{ containers: [{ name: 'a', $patch: 'delete' }] }, { containers: [b] }],
    [{ containers: [{ $patch: 'replace' }, { name: 'c' }] }, { containers: [{ name: 'c' }] }],
    [{ nodeSelector: { $patch: 'replace', y: '2' } }, { nodeSelector: { y: '2' } }],
    [{ nodeSelector: { $patch: 'delete' } }, { nodeSelector: {} }],
    [{ nodeSelector: null }, { nodeSelector: undefined }],
    [{ nodeSelector: { x: null, y: '2' } }, { nodeSelector: { y: '2' } }],
    [{ securityContext: { $retainKeys: ['fsGroup'], fsGroup: 3 } }, { securityContext: { fsGroup: 3 } }],
    [{ hostNetwork: null }, {}],
    [{ affinity: { nodeAffinity: null, podAffinity: {} } }, { affinity: { podAffinity: {} } }],
  ] as const) {
    const expected = JSON.parse(JSON.stringify({ ...spec, ...result })) as unknown
    assert.deepEqual(podAfter(spec, patch), expected, JSON.stringify(patch))
  }
})

test('sets of plain values grow, shrink and are ordered', () => {
  const metadata = { name: 'x', finalizers: ['a', 'b'] }
  for (const [patch, finalizers] of [
    [{ finalizers: ['c', 'a'] }, ['c', 'a', 'b']],
    [{ '$deleteFromPrimitiveList/finalizers': ['a'] }, ['b']],
    [{ '$setElementOrder/finalizers': ['b', 'a'] }, ['b', 'a']],
    [{ '$setElementOrder/finalizers': ['b', 'c', 'a'], finalizers: ['c'] }, ['b', 'c', 'a']],
    [{ '$setElementOrder/finalizers': ['b'], '$deleteFromPrimitiveList/finalizers': ['a'] }, ['b']],
  ] as const) {
    const patched = applyStrategicPatch({ metadata }, { metadata: patch }, mergeRulesOf('configmaps')!)
    assert.deepEqual(patched['metadata'], { name: 'x', finalizers }, JSON.stringify(patch))
  }
})

test('the order that a patch sets holds; what it does not name keeps its place', () => {
  const c = { name: 'c', image: 'c:1' }
  const named = (...names: string[]): JsonObject[] => names.map((name) => ({ name }))
  for (const [patch, order] of [
    [{ '$setElementOrder/containers': named('c', 'a') }, ['b', 'c', 'a']],
    [{ '$setElementOrder/containers': named('b', 'a', 'c') }, ['b', 'a', 'c']],
    [{ '$setElementOrder/containers': named('c', 'd', 'a'), containers: [{ name: 'd' }] }, ['b', 'c', 'd', 'a']],
    [{ containers: [{ name: 'd' }] }, ['d', 'a', 'b', 'c']],
    [{ containers: [{ name: 'c' }, { name: 'a' }] }, ['b', 'c', 'a']],
  ] as const) {
    const { containers } = podAfter({ containers: [a, b, c] }, patch) as { containers: { name: string }[] }
    assert.deepEqual(
      containers.map(({ name }) => name),
      order,
      JSON.stringify(patch),
    )
  }
})

test('a selector of a disruption budget is replaced, one of a deployment merged', () => {
  const object = { spec: { selector: { matchLabels: { a: '1' } } } }
  const patch = { spec: { selector: { matchLabels: { b: '2' } } } }
  assert.deepEqual(applyStrategicPatch(object, patch, mergeRulesOf('poddisruptionbudgets.policy')!), patch)
  assert.deepEqual(applyStrategicPatch(object, patch, mergeRulesOf('deployments.apps')!), {
    spec: { selector: { matchLabels: { a: '1', b: '2' } } },
  })
})

test('what makes no sense is refused with a reason', () => {
  for (const [patch, message] of [
    [{ containers: [{ image: 'x' }] }, 'an element of a merged list has no name: {"image":"x"}'],
    [{ containers: ['x'] }, 'an element of a merged list has no name: "x"'],
    [{ containers: [{ name: 'a', $patch: 'merge' }] }, '$patch must be replace or delete, not "merge"'],
    [{ nodeSelector: { $patch: 'put' } }, '$patch must be replace or delete, not "put"'],
    [
      { nodeSelector: { $retainKeys: ['x'], y: '1' } },
      '$retainKeys must be a list with every field of its patch: y is not in it',
    ],
    [{ nodeSelector: { $retainKeys: 'x' } }, '$retainKeys must be a list with every field of its patch'],
    [
      { '$setElementOrder/containers': [{ name: 'a' }, { name: 'b' }], containers: [{ name: 'b' }, { name: 'a' }] },
      '$setElementOrder/containers is not the order of the elements of containers in the patch',
    ],
  ] as const) {
    assert.throws(
      () => podAfter({ containers: [a, b], nodeSelector: {} }, patch as JsonObject),
      (error) => error instanceof PatchError && error.problem === 'does-not-apply' && error.message === message,
      message,
    )
  }
})

test('nobody knows the structure of custom types', () => {
  for (const resource of [
    'trees.orchard.test',
    'customresourcedefinitions.apiextensions.k8s.io',
    'apps.kappctrl.k14s.io',
  ])
    assert.equal(mergeRulesOf(resource), undefined, resource)
  for (const resource of ['pods', 'deployments.apps', 'volumesnapshots.snapshot.storage.k8s.io', 'backups.velero.io'])
    assert.notEqual(mergeRulesOf(resource), undefined, resource)
})

test('without lists and directives it is a merge patch; twice is once', () => {
  const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 3 },
      fc.constantFrom(1, 'x', true),
      fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('tree'), { maxKeys: 3, noNullPrototype: true }),
    ),
  }))
  const object = fc.dictionary(fc.constantFrom('a', 'b', 'c'), tree, { noNullPrototype: true })
  fc.assert(
    fc.property(object, object, (target, patch) => {
      const once = applyStrategicPatch(target, patch, {})
      assert.deepEqual(applyStrategicPatch(once, patch, {}), once)
      assert.deepEqual(applyStrategicPatch({}, patch, {}), patch)
    }),
  )
})

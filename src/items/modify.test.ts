import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KubeObject } from '#kube/object.ts'
import { readModifierRules, type ModifierRule } from './modifier-rules.ts'
import { modify, type Modified } from './modify.ts'

const web: KubeObject = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'shop', labels: { tier: 'web' } },
  spec: { replicas: 3, template: { spec: { containers: [{ name: 'c', image: 'old' }] } } },
}

function rulesOf(...rules: string[]): readonly ModifierRule[] {
  const read = readModifierRules(`version: v1\nresourceModifierRules:\n${rules.map((rule) => `- ${rule}\n`).join('')}`)
  assert.ok('rules' in read, JSON.stringify(read))
  return read.rules
}

function modified(...rules: string[]): Modified {
  const before = JSON.stringify(web)
  const result = modify(web, rulesOf(...rules), { resource: 'deployments.apps', namespace: 'shop' })
  assert.equal(JSON.stringify(web), before)
  return result
}

const setReplicas = (conditions: string, replicas = 1): string =>
  `{conditions: {${conditions}}, patches: [{operation: replace, path: /spec/replicas, value: "${replicas}"}]}`

function replicasAfter(...rules: string[]): unknown {
  return (modified(...rules).object['spec'] as { replicas: number }).replicas
}

test('a rule changes what meets all of its conditions', () => {
  for (const [conditions, fits] of [
    ['groupResource: deployments.apps', true],
    ['groupResource: "*.apps"', true],
    ['groupResource: "*"', false],
    ['groupResource: pods', false],
    ['groupResource: deployments.apps, namespaces: [shop, other]', true],
    ['groupResource: deployments.apps, namespaces: ["sh*"]', true],
    ['groupResource: deployments.apps, namespaces: [other]', false],
    ['groupResource: deployments.apps, resourceNameRegex: "^w"', true],
    ['groupResource: deployments.apps, resourceNameRegex: "^x"', false],
    ['groupResource: deployments.apps, labelSelector: {matchLabels: {tier: web}}', true],
    [
      'groupResource: deployments.apps, labelSelector: {matchExpressions: [{key: tier, operator: DoesNotExist}]}',
      false,
    ],
    ['groupResource: deployments.apps, matches: [{path: /spec/replicas, value: "3"}]', true],
    ['groupResource: deployments.apps, matches: [{path: /spec/replicas, value: "\\"3\\""}]', false],
    ['groupResource: deployments.apps, matches: [{path: /spec/no/such, value: x}]', false],
    ['groupResource: deployments.apps, matches: [{path: /spec/paused, value: "null"}]', true],
    [
      'groupResource: deployments.apps, matches: [{path: /spec/replicas, value: "3"}, {path: /kind, value: Pod}]',
      false,
    ],
  ] as const) {
    assert.equal(replicasAfter(setReplicas(conditions)), fits ? 1 : 3, conditions)
  }
})

test('namespaces say nothing about cluster-scoped objects', () => {
  const rules = rulesOf('{conditions: {groupResource: nodes, namespaces: [x]}, mergePatches: [{patchData: "a: b"}]}')
  const object = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n' } }
  assert.equal(modify(object, rules, { resource: 'nodes', namespace: undefined }).object['a'], 'b')
})

test('conditions look at the object as it came, patches at what the rules before made of it', () => {
  const threeOnly = 'groupResource: deployments.apps, matches: [{path: /spec/replicas, value: "3"}]'
  assert.equal(replicasAfter(setReplicas(threeOnly, 5), setReplicas(threeOnly, 7)), 7)
  const fiveOnly = 'groupResource: deployments.apps, matches: [{path: /spec/replicas, value: "5"}]'
  assert.equal(replicasAfter(setReplicas(threeOnly, 5), setReplicas(fiveOnly, 7)), 5)
  const { object } = modified(
    '{conditions: {groupResource: deployments.apps}, patches: [{operation: add, path: /spec/paused, value: "true"}]}',
    '{conditions: {groupResource: deployments.apps}, patches: [{operation: test, path: /spec/paused, value: "true"}, {operation: remove, path: /spec/replicas}]}',
  )
  assert.deepEqual(object['spec'], { template: (web['spec'] as { template: unknown }).template, paused: true })
})

test('merge patches and strategic merge patches are applied one after the other', () => {
  const conditions = 'conditions: {groupResource: deployments.apps}'
  const containers = (image: string): string => `spec: {template: {spec: {containers: [{name: c, image: ${image}}]}}}`
  const { object, problems } = modified(
    `{${conditions}, mergePatches: [{patchData: "spec: {replicas: null}"}, {patchData: "metadata: {annotations: {a: b}}"}]}`,
    `{${conditions}, strategicPatches: [{patchData: "${containers('new')}"}, {patchData: "spec: {template: {spec: {containers: [{name: d}]}}}"}]}`,
  )
  assert.deepEqual(problems, [])
  assert.deepEqual(object.metadata.annotations, { a: 'b' })
  assert.deepEqual(object['spec'], {
    template: { spec: { containers: [{ name: 'd' }, { name: 'c', image: 'new' }] } },
  })
})

test('a rule that cannot be carried out is told and leaves the object to the others', () => {
  const conditions = 'conditions: {groupResource: deployments.apps}'
  const { object, problems, stopped } = modified(
    `{${conditions}, patches: [{operation: replace, path: /spec/replicas, value: "9"}, {operation: remove, path: /spec/no/such}]}`,
    `{${conditions}}`,
    `{${conditions}, mergePatches: [{patchData: "metadata: {name: null}"}]}`,
    `{${conditions}, patches: [{operation: test, path: /spec/replicas, value: "2"}, {operation: remove, path: /spec}]}`,
    setReplicas('groupResource: deployments.apps', 4),
  )
  assert.deepEqual(problems, [
    'resource modifier rule 1: cannot remove /spec/no/such: there is nothing at this path',
    'resource modifier rule 2: it has no patches',
    'resource modifier rule 3: the patch takes away metadata.name',
  ])
  assert.deepEqual(stopped, ['resource modifier rule 4: /spec/replicas is 3, not 2'])
  assert.equal((object['spec'] as { replicas: number }).replicas, 4)
})

test('a custom type has no strategic merge patches', () => {
  const rules = rulesOf(
    '{conditions: {groupResource: trees.orchard.test}, strategicPatches: [{patchData: "spec: {a: 1}"}]}',
  )
  const tree = { apiVersion: 'orchard.test/v1', kind: 'Tree', metadata: { name: 't' } }
  const { object, problems } = modify(tree, rules, { resource: 'trees.orchard.test', namespace: 'orchard' })
  assert.deepEqual(object, tree)
  assert.deepEqual(problems, [
    'resource modifier rule 1: trees.orchard.test is a custom type, which has no strategic merge patches; use mergePatches or patches',
  ])
})

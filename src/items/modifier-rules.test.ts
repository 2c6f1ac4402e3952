import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { readModifierRules, type ModifierRule } from './modifier-rules.ts'

function rules(text: string): readonly ModifierRule[] {
  const read = readModifierRules(text)
  assert.ok('rules' in read, JSON.stringify(read))
  return read.rules
}

function problems(text: string): readonly string[] {
  const read = readModifierRules(text)
  return 'problems' in read ? read.problems : []
}

/** One rule with these lines below `conditions` and beside it. */
const ruleWith = (lines: string): string =>
  `version: v1\nresourceModifierRules:\n- conditions: {groupResource: pods}\n  ${lines.split('\n').join('\n  ')}\n`

test('the rules that real Velero was given are read', async () => {
  const file = new URL('../../test/compat/golden/workloads/60-a08-rules.yaml', import.meta.url)
  const read = rules(await readFile(file, 'utf8'))
  assert.deepEqual(
    read.map(({ number }) => number),
    [1, 2, 3, 4, 5],
  )
  const [first, second, , fourth] = read
  assert.deepEqual(first?.patch, {
    kind: 'json',
    operations: [
      { op: 'replace', path: ['spec', 'replicas'], value: 1 },
      { op: 'add', path: ['metadata', 'annotations', 'tide'], value: 'high "spring"' },
      { op: 'add', path: ['metadata', 'labels', 'harbor.test/moved'], value: 'true' },
      {
        op: 'add',
        path: ['spec', 'template', 'spec', 'containers', '0', 'env', '-'],
        value: { name: 'EXTRA', value: '1' },
      },
    ],
  })
  const { fitsResource, fitsNamespace, fitsName } = first.conditions
  assert.deepEqual(['deployments.apps', 'deployments'].map(fitsResource), [true, false])
  assert.deepEqual(['harbor', 'orchard'].map(fitsNamespace), [true, false])
  assert.deepEqual(['storefront', 'bookstore'].map(fitsName), [true, false])
  assert.deepEqual(second?.conditions.matches, [{ op: 'test', path: ['data', 'looks.like.number'], value: '007' }])
  assert.deepEqual(fourth?.conditions.selector, { matchLabels: { tier: 'web' } })
})

test('every kind of patch is read, with numbers as they are written', () => {
  const text = `
version: V1
resourceModifierRules:
- conditions: {groupResource: "**", namespaces: ["app-*"], resourceNameRegex: "(?i)web", labelSelector: {matchExpressions: [{key: a, operator: Exists}]}}
  mergePatches:
  - patchData: |
      {"metadata": {"labels": {"on": "yes", "gone": null}}, "spec": {"big": 9007199254740993, "exact": 1.10}}
  - patchData: "data: {on: true, off: no, 1: x, hex: 0x10, time: 12:30:00, day: 2001-01-01}"
- conditions: {groupResource: pods}
  strategicPatches: [{patchData: "spec: {containers: [{name: a, image: b}]}"}]
- conditions: {groupResource: pods}
  patches:
  - {operation: move, from: /a, path: /b}
  - {operation: remove, path: /c}
  - {operation: add, path: /d, value: 1.10}
  - {operation: add, path: /e, value: yes}
  - {operation: add, path: /f}
- conditions: {groupResource: pods}
`
  const [merge, strategic, json, none] = rules(text)
  assert.equal(
    JSON.stringify(merge?.patch),
    '{"kind":"merge","patches":[{"metadata":{"labels":{"on":"yes","gone":null}},"spec":{"big":9007199254740993,"exact":1.10}},' +
      '{"data":{"1":"x","true":true,"false":false,"hex":16,"time":"12:30:00","day":"2001-01-01"}}]}',
  )
  assert.deepEqual(['app-1', 'other'].map(merge!.conditions.fitsNamespace), [true, false])
  assert.ok(merge!.conditions.fitsName('my-WEB'))
  assert.deepEqual(strategic?.patch, {
    kind: 'strategic',
    patches: [{ spec: { containers: [{ name: 'a', image: 'b' }] } }],
  })
  assert.equal(
    JSON.stringify(json?.patch),
    '{"kind":"json","operations":[{"op":"move","from":["a"],"path":["b"]},{"op":"remove","path":["c"]},' +
      '{"op":"add","path":["d"],"value":1.10},{"op":"add","path":["e"],"value":true},{"op":"add","path":["f"],"value":""}]}',
  )
  assert.deepEqual(none?.patch, { kind: 'none' })
})

test('everything that is wrong is told with its place', () => {
  const text = `
version: v2
resourceModifierRules:
- conditions: {groupResource: "", resourceNameRegex: "(", labelSelector: {matchLabels: {"a b": c}}, matches: [{path: spec}]}
  patches:
  - {operation: put, path: /a}
  - {operation: copy, path: /a}
  - {operation: add, path: "", value: x}
  - {operation: add, path: /a, value: "{broken"}
  extra: true
- conditions: {}
  mergePatches: [{patchData: "[1]"}, {patchData: "a: b: c"}, {}]
`
  assert.deepEqual(problems(text), [
    'version: must be v1, not v2',
    'resourceModifierRules[0].conditions.groupResource: must not be empty; write for example deployments.apps',
    'resourceModifierRules[0].conditions.resourceNameRegex: "(" is no regular expression: it has a ( without its )',
    'resourceModifierRules[0].conditions.labelSelector: "a b" is not a valid label key',
    'resourceModifierRules[0].conditions.matches[0].path: "spec" is no path; write it as /spec/replicas',
    'resourceModifierRules[0].patches[0].operation: must be one of add, remove, replace, test, move, copy',
    'resourceModifierRules[0].patches[1]: a copy needs a from',
    'resourceModifierRules[0].patches[2].path: "" is no path; write it as /spec/replicas',
    'resourceModifierRules[0].patches[3].value: starts like JSON but is none; put it in double quotes inside the value to mean text',
    'resourceModifierRules[0]: unknown key extra; known here: conditions, patches, mergePatches, strategicPatches',
    'resourceModifierRules[1].conditions.groupResource: must be text',
    'resourceModifierRules[1].mergePatches[0].patchData: must be a map of fields to values',
    'resourceModifierRules[1].mergePatches[1].patchData: line 1, column 4: Nested mappings are not allowed in compact mappings',
    'resourceModifierRules[1].mergePatches[2].patchData: must be text',
  ])
})

test('a rule has patches of one kind', () => {
  const two = 'patches: [{operation: remove, path: /a}]\nmergePatches: [{patchData: "{}"}]'
  assert.deepEqual(problems(ruleWith(two)), [
    'resourceModifierRules[0]: has more than one of patches, mergePatches and strategicPatches; make a rule of each',
  ])
  assert.deepEqual(problems(ruleWith('patches: []\nmergePatches: [{patchData: "{}"}]')), [])
})

test('what is no list of rules is refused', () => {
  assert.deepEqual(problems('version: v1\nresourceModifierRules: []'), [
    'resourceModifierRules: must have at least one rule',
  ])
  assert.deepEqual(problems('version: v1'), ['resourceModifierRules: must be a list'])
  assert.deepEqual(problems('- a'), ['the rules: must be a map of keys to values'])
  assert.match(problems('a: b: c').join(), /^line 1, column 4: /)
  assert.match(problems('version: v1\nversion: v1').join(), /^line 2, column 1: Map keys must be unique/)
  assert.match(
    problems(ruleWith('mergePatches: [{patchData: "a: .inf"}]')).join(),
    /\.inf is no number that JSON can hold/,
  )
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SelectionError } from './error.ts'
import { parseQuantity } from './quantity.ts'
import { parseResourcePolicies } from './resource-policies.ts'

function problems(text: string): string[] {
  try {
    parseResourcePolicies(text)
  } catch (error) {
    assert.ok(error instanceof SelectionError && error.problem === 'bad-policy', String(error))
    return error.message.split('\n')
  }
  return []
}

/** One volume policy with these lines as its conditions. */
const withConditions = (lines: string): string =>
  `version: v1\nvolumePolicies:\n- conditions:\n    ${lines.split('\n').join('\n    ')}\n  action: {type: skip}\n`

test('every condition, action and list of schema v1 is read', () => {
  const text = `
version: v1
volumePolicies:
- conditions:
    capacity: "0,100Gi"
    storageClass: [gp3, fast]
    nfs: {server: files.test, path: /export}
    csi: {driver: ebs.test, volumeAttributes: {tier: gold}}
    volumeTypes: [nfs, emptyDir]
    pvcLabels: {app: web}
    pvcPhase: [Pending, Lost]
  action: {type: custom, parameters: {deep: {retries: 3, list: [1, true]}}}
- action: {type: fs-backup}
includeExcludePolicy:
  includedClusterScopedResources: [storageclasses]
  excludedNamespaceScopedResources: [secrets]
`
  assert.deepEqual(parseResourcePolicies(text), {
    volumePolicies: [
      {
        conditions: {
          capacity: { lower: undefined, upper: parseQuantity('100Gi') },
          storageClass: ['gp3', 'fast'],
          nfs: { server: 'files.test', path: '/export' },
          csi: { driver: 'ebs.test', volumeAttributes: { tier: 'gold' } },
          volumeTypes: ['nfs', 'emptyDir'],
          pvcLabels: { app: 'web' },
          pvcPhase: ['Pending', 'Lost'],
        },
        action: { type: 'custom', parameters: { deep: { retries: 3, list: [1, true] } } },
      },
      { conditions: {}, action: { type: 'fs-backup' } },
    ],
    includeExclude: {
      includedClusterScopedResources: ['storageclasses'],
      excludedClusterScopedResources: [],
      includedNamespaceScopedResources: [],
      excludedNamespaceScopedResources: ['secrets'],
    },
  })
})

test('a null says nothing, as absence does', () => {
  const text = 'version: v1\nvolumePolicies:\n- conditions:\n  action: {type: skip}\nincludeExcludePolicy:\n'
  const { volumePolicies, includeExclude } = parseResourcePolicies(text)
  assert.deepEqual(volumePolicies, [{ conditions: {}, action: { type: 'skip' } }])
  assert.equal(includeExclude, undefined)
})

test('words that look like numbers or truth stay words', () => {
  const [policy] = parseResourcePolicies(
    withConditions('storageClass: [1.10, true, 0777]\npvcLabels: {8: 0x10}\ncapacity: 10,'),
  ).volumePolicies
  assert.deepEqual(policy?.conditions.storageClass, ['1.10', 'true', '0777'])
  assert.deepEqual(policy?.conditions.pvcLabels, { 8: '0x10' })
})

test('an empty side of a capacity has no bound, and zero is no bound either', () => {
  const range = (text: string): unknown =>
    parseResourcePolicies(withConditions(`capacity: "${text}"`)).volumePolicies[0]?.conditions.capacity
  const ten = parseQuantity('10Gi')
  assert.deepEqual(range('10Gi,'), { lower: ten, upper: undefined })
  assert.deepEqual(range(' , 10Gi'), { lower: undefined, upper: ten })
  assert.deepEqual(range('10Gi,10Gi'), { lower: ten, upper: ten })
  assert.deepEqual(range('10Gi,0'), { lower: ten, upper: undefined })
  assert.deepEqual(range(''), { lower: undefined, upper: undefined })
})

test('capacities that are no range are refused', () => {
  for (const [text, message] of [
    ['10Gi', /^volumePolicies\[0\]\.conditions\.capacity: "10Gi" is no range; write lower,upper/],
    ['1,2,3', /is no range/],
    ['10Gi,1Gi', /ends the wrong way round/],
    ['ten,', /"ten" is no quantity/],
  ] as const) {
    assert.match(problems(withConditions(`capacity: "${text}"`)).join(), message)
  }
})

test('an unknown key is named with its place and with what is known there', () => {
  assert.deepEqual(problems(withConditions('storageClas: [a]\ncsi: {drive: a}')), [
    'volumePolicies[0].conditions.csi: unknown key drive; known here: driver, volumeAttributes',
    'volumePolicies[0].conditions: unknown key storageClas; known here: capacity, storageClass, nfs, csi, volumeTypes, pvcLabels, pvcPhase',
  ])
  assert.match(problems('version: v1\nvolumes: []').join(), /^the policy: unknown key volumes; known here: version/)
  assert.match(problems(`${withConditions('{}')}  name: x\n`).join(), /^volumePolicies\[0\]: unknown key name/)
})

test('all that is wrong is said at once, each with its place', () => {
  const text =
    'version: v2\nvolumePolicies: [{action: {type: delete}}, {conditions: {pvcLabels: [a]}, action: {type: skip}}]'
  assert.deepEqual(problems(text), [
    'version: must be v1, not "v2"',
    'volumePolicies[0].action.type: must be one of skip, fs-backup, snapshot, custom',
    'volumePolicies[1].conditions.pvcLabels: must be a map of text to text',
  ])
})

test('attributes of a CSI volume mean something for one driver only', () => {
  const message = ['volumePolicies[0].conditions.csi: volumeAttributes need a driver']
  assert.deepEqual(problems(withConditions('csi: {volumeAttributes: {a: b}}')), message)
  assert.deepEqual(problems(withConditions('csi: {}\nnfs: {}')), [])
})

test('the filters of a policy name types: no star, and nothing both in and out', () => {
  const policy = (lists: string): string[] => problems(`version: v1\nincludeExcludePolicy: {${lists}}`)
  assert.match(policy('includedClusterScopedResources: ["*"]').join(), /"\*" cannot be used here/)
  assert.match(policy('excludedNamespaceScopedResources: ["*"]').join(), /"\*" cannot be used here/)
  assert.match(
    policy('includedNamespaceScopedResources: [pods], excludedNamespaceScopedResources: [pods]').join(),
    /^includeExcludePolicy: pods is both included and excluded$/,
  )
})

test('what is no YAML is refused with line and column', () => {
  assert.match(problems('version: v1\nvolumePolicies: [').join(), /^line \d+, column \d+: /)
  assert.match(problems('').join(), /must be a map/)
  assert.match(problems('just words').join(), /must be a map/)
})

test('no text can exhaust the program', () => {
  const bomb = ['a: &a [x,x,x,x,x,x,x,x,x]']
  for (const [from, to] of ['ab', 'bc', 'cd', 'de', 'ef', 'fg'].map((pair) => pair.split(''))) {
    bomb.push(`${to}: &${to} [${Array(9).fill(`*${from}`).join()}]`)
  }
  assert.match(problems(bomb.join('\n')).join(), /cannot be read as YAML: Excessive alias count/)
  assert.equal(problems('['.repeat(200_000)).length, 1)
  assert.match(problems(`version: v1 #${'x'.repeat(2 ** 20)}`).join(), /longer than 1048576 characters/)
})

test('anchors and merged maps may be used, as in Velero', () => {
  const text = `
version: v1
volumePolicies:
- conditions: &small {capacity: ",1Gi"}
  action: {type: skip}
- conditions: {<<: *small, storageClass: [slow]}
  action: {type: snapshot}
`
  const [, second] = parseResourcePolicies(text).volumePolicies
  assert.deepEqual(second?.conditions, {
    capacity: { lower: undefined, upper: parseQuantity('1Gi') },
    storageClass: ['slow'],
  })
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { KubeObject } from '#kube/object.ts'
import { parseResourcePolicies } from './resource-policies.ts'
import type { VolumeSources } from './volume-policies.ts'
import { matchVolumePolicy, volumeFacts } from './volume-policies.ts'

/** The name of the first of these conditions that `sources` meet; each is the text of a YAML flow map. */
function firstMet(sources: VolumeSources, ...conditions: string[]): number | undefined {
  const policies = conditions.map(
    (one, index) => `- conditions: {${one}}\n  action: {type: custom, parameters: {index: ${index}}}`,
  )
  const { volumePolicies } = parseResourcePolicies(`version: v1\nvolumePolicies:\n${policies.join('\n')}\n`)
  const action = matchVolumePolicy(volumePolicies, volumeFacts(sources))
  return action === undefined ? undefined : Number(action.parameters?.['index'])
}

const meets = (sources: VolumeSources, condition: string): boolean => firstMet(sources, condition) === 0

function volume(spec: object): VolumeSources {
  return { volume: { apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name: 'pv' }, spec } }
}

function claim(phase: string, labels?: Record<string, string>): KubeObject {
  const metadata = { name: 'data', namespace: 'shop', labels }
  const spec = { storageClassName: 'gp3', resources: { requests: { storage: '10Gi' } } }
  return { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata, spec, status: { phase } }
}

const disk = volume({
  capacity: { storage: '10Gi' },
  storageClassName: 'gp3',
  csi: { driver: 'ebs.test', volumeAttributes: { tier: 'gold', zone: 'a' } },
})
const share = volume({ capacity: { storage: '1Ti' }, nfs: { server: 'files.test', path: '/export' } })

test('the bounds of a capacity belong to it', () => {
  for (const range of ['10Gi,10Gi', '0,10Gi', '10Gi,', ',10240Mi', '5Gi,20Gi', ',', '10737418240,']) {
    assert.ok(meets(disk, `capacity: "${range}"`), range)
  }
  for (const range of ['0,10G', '10.001Gi,', '1Ti,2Ti']) assert.ok(!meets(disk, `capacity: "${range}"`), range)
})

test('a storage class is one of the list; a volume without one is in no list', () => {
  assert.ok(meets(disk, 'storageClass: [slow, gp3]') && meets(share, 'storageClass: []'))
  assert.ok(!meets(disk, 'storageClass: [slow]') && !meets(share, 'storageClass: ["", gp3]'))
})

test('an NFS volume is known by server, path, both or neither', () => {
  for (const nfs of ['{}', '{server: files.test}', '{path: /export}', '{server: files.test, path: /export}']) {
    assert.ok(meets(share, `nfs: ${nfs}`), nfs)
    assert.ok(!meets(disk, `nfs: ${nfs}`), nfs)
  }
  for (const nfs of ['{server: other}', '{path: /}', '{server: files.test, path: /}', '{server: x, path: /export}']) {
    assert.ok(!meets(share, `nfs: ${nfs}`), nfs)
  }
})

test('a CSI volume is known by its driver, and every attribute asked for must be equal', () => {
  for (const csi of ['{}', '{driver: ebs.test}', '{driver: ebs.test, volumeAttributes: {tier: gold, zone: a}}']) {
    assert.ok(meets(disk, `csi: ${csi}`), csi)
    assert.ok(!meets(share, `csi: ${csi}`), csi)
  }
  for (const csi of ['{driver: other}', '{driver: ebs.test, volumeAttributes: {tier: gold, zone: b}}']) {
    assert.ok(!meets(disk, `csi: ${csi}`), csi)
  }
  assert.ok(!meets(disk, 'csi: {driver: ebs.test, volumeAttributes: {toString: x}}'))
})

test('a type is the name of the volume source, in a PersistentVolume or in a pod', () => {
  assert.ok(meets(disk, 'volumeTypes: [nfs, csi]') && meets(share, 'volumeTypes: [nfs]'))
  assert.ok(meets({ podVolume: { name: 'tmp', emptyDir: {} } }, 'volumeTypes: [emptyDir]'))
  assert.ok(
    meets({ podVolume: { name: 'x', nfs: { server: 's', path: '/' } } }, 'volumeTypes: [nfs], nfs: {server: s}'),
  )
  assert.ok(meets(volume({ storageos: {} }), 'volumeTypes: [storageOS]'))
  assert.ok(!meets(disk, 'volumeTypes: [nfs]') && !meets(volume({}), 'volumeTypes: [""]'))
})

test('of a claim all labels asked for must be there', () => {
  const sources = { ...disk, claim: claim('Bound', { app: 'web', tier: 'db' }) }
  assert.ok(meets(sources, 'pvcLabels: {app: web}') && meets(sources, 'pvcLabels: {}'))
  assert.ok(!meets(sources, 'pvcLabels: {app: web, team: blue}') && !meets(disk, 'pvcLabels: {app: web}'))
})

test('the phase of a claim is one of the list', () => {
  assert.ok(meets({ claim: claim('Pending') }, 'pvcPhase: [Lost, Pending]'))
  assert.ok(!meets({ claim: claim('Bound') }, 'pvcPhase: [Pending]') && !meets(disk, 'pvcPhase: [Bound]'))
})

test('what an unbound claim asks for does not count: no class, no size', () => {
  const pending = { claim: claim('Pending', { app: 'web' }) }
  assert.ok(!meets(pending, 'storageClass: [gp3]') && !meets(pending, 'capacity: "1Gi,"'))
  assert.ok(!meets(pending, 'csi: {}') && !meets(pending, 'volumeTypes: [csi]'))
  assert.ok(meets(pending, 'pvcPhase: [Pending], pvcLabels: {app: web}') && meets(pending, 'capacity: "0,1Gi"'))
})

test('all conditions must hold, and the first policy that holds wins', () => {
  assert.equal(firstMet(disk, 'storageClass: [gp3], nfs: {}', 'storageClass: [gp3]', ''), 1)
  assert.equal(firstMet(share, 'storageClass: [gp3]', ''), 1)
  assert.equal(firstMet(share, 'storageClass: [gp3]'), undefined)
})

test('one condition more never lets a policy match more volumes', () => {
  const conditions = fc.uniqueArray(
    fc.constantFrom('capacity: "5Gi,20Gi"', 'storageClass: [gp3]', 'csi: {}', 'volumeTypes: [csi, nfs]', 'nfs: {}'),
    { selector: (text) => text.split(':')[0] },
  )
  fc.assert(
    fc.property(conditions, fc.constantFrom(disk, share, { claim: claim('Pending') }), (all, sources) => {
      assert.equal(
        meets(sources, all.join(', ')),
        all.every((one) => meets(sources, one)),
      )
    }),
  )
})

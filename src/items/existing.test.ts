import { labelKeys, labelValue } from '#api/labels.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { KubeObject } from '#kube/object.ts'
import { decideExisting, madeByRestore, mergeServiceAccount, sameObject } from './existing.ts'
import { applyMergePatch } from './merge.ts'

const ours = { 'velero.io/backup-name': 'b', 'velero.io/restore-name': 'r' }

function config(data: Record<string, string>, metadata: Partial<KubeObject['metadata']> = {}): KubeObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'prices', namespace: 'shop', ...metadata }, data }
}

const live = config(
  { a: '1' },
  { uid: 'u', resourceVersion: '7', labels: { app: 'web' }, managedFields: [{ manager: 'x' }] },
)
const wanted = (data: Record<string, string>): KubeObject => config(data, { labels: { app: 'web', ...ours } })

test('what only the cluster knows, our labels and who wrote a field are no difference', () => {
  assert.deepEqual(decideExisting({ live, desired: wanted({ a: '1' }), policy: undefined }), {
    do: 'nothing',
    because: 'equal',
  })
  const restoredBefore = config({ a: '1' }, { labels: { app: 'web', ...ours, 'velero.io/restore-name': 'older' } })
  assert.equal(sameObject(restoredBefore, wanted({ a: '1' })), true)
  assert.equal(sameObject(config({}), config({}, { labels: ours })), true)
  assert.equal(sameObject(live, config({ a: '1' }, { finalizers: ['x'], labels: { app: 'web' } })), false)
})

test('a difference is left alone with Velero’s warning, whose wording depends on how the policy was given', () => {
  const message = (policy: string | undefined): unknown => {
    const decision = decideExisting({ live, desired: wanted({ a: '2' }), policy })
    return decision.do === 'warn' ? decision.message : decision
  }
  const rest = 'already exists. Warning: the in-cluster version is different than the backed-up version'
  assert.equal(message(undefined), `could not restore, ConfigMap:prices ${rest}`)
  assert.equal(message(''), `could not restore, ConfigMap:prices ${rest}`)
  assert.equal(message('none'), `could not restore, ConfigMap "prices" ${rest}`)
})

test('under policy update the patch makes the live object what was backed up', () => {
  const desired = wanted({ b: '2' })
  const decision = decideExisting({ live, desired, policy: 'update' })
  assert.ok(decision.do === 'patch')
  assert.deepEqual(decision.patch, { data: { a: null, b: '2' }, metadata: { labels: ours } })
  assert.deepEqual(decision.labelsOnly, { metadata: { labels: ours } })
})

test('under policy update an equal object still gets the labels', () => {
  const decision = decideExisting({ live, desired: wanted({ a: '1' }), policy: 'update' })
  assert.deepEqual(decision, { do: 'label', patch: { metadata: { labels: ours } } })
})

test('types that Velero rewrites are never found equal (golden a11)', () => {
  const service: KubeObject = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'a', namespace: 'shop' } }
  assert.equal(decideExisting({ live: service, desired: service, policy: undefined }).do, 'warn')
  const updated = decideExisting({
    live: service,
    desired: { ...service, metadata: { name: 'a', labels: ours } },
    policy: 'update',
  })
  assert.equal(updated.do, 'patch')
})

function account(more: object, metadata: object = {}): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'web', namespace: 'shop', ...metadata },
    ...more,
  }
}

test('a service account gets what it lacks under any policy, and keeps what it has', () => {
  const there = account({ imagePullSecrets: [{ name: 'second' }] }, { labels: { app: 'other', new: '1' } })
  const archived = account(
    {
      imagePullSecrets: [{ name: 'first' }, { name: 'second' }],
      secrets: [{ name: 's' }],
      automountServiceAccountToken: false,
    },
    { labels: { app: 'web', tier: 'front', ...ours }, annotations: { a: 'b' } },
  )
  for (const policy of [undefined, 'none', 'update']) {
    const decision = decideExisting({ live: there, desired: archived, policy })
    assert.ok(decision.do === 'patch' && decision.because === 'service-account')
    assert.deepEqual(decision.patch, {
      secrets: [{ name: 's' }],
      imagePullSecrets: [{ name: 'second' }, { name: 'first' }],
      metadata: { labels: { tier: 'front' }, annotations: { a: 'b' } },
    })
  }
})

test('a service account that has all there is to add is left alone', () => {
  const decision = decideExisting({ live: account({ extra: 1 }), desired: account({}), policy: undefined })
  assert.deepEqual(decision, { do: 'nothing', because: 'service-account-has-all' })
})

test('under policy recreate what differs is made anew, but never what holds data or what a controller keeps', () => {
  const decide = (kind: string, { apiVersion = 'v1', more = {} } = {}): string => {
    const object = (data: object): KubeObject => ({
      apiVersion,
      kind,
      metadata: { name: 'a', namespace: 'shop', ...more },
      data,
    })
    const isSame = (): boolean => false
    const decision = decideExisting({ live: object({ a: 1 }), desired: object({ a: 2 }), policy: 'recreate', isSame })
    return decision.do === 'nothing' ? decision.because : decision.do
  }
  for (const kind of ['ConfigMap', 'Service', 'Pod', 'Deployment']) assert.equal(decide(kind), 'recreate')
  for (const kind of ['Namespace', 'PersistentVolume', 'PersistentVolumeClaim']) assert.equal(decide(kind), 'warn')
  assert.equal(decide('CustomResourceDefinition', { apiVersion: 'apiextensions.k8s.io/v1' }), 'warn')
  assert.equal(decide('Namespace', { apiVersion: 'example.org/v1' }), 'recreate')
  const ownerReferences = [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'r', uid: 'u', controller: true }]
  assert.equal(decide('Pod', { more: { ownerReferences } }), 'kept-by-its-controller')
})

test('where a better comparison is given, that one decides', () => {
  const service: KubeObject = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'a', namespace: 'shop', labels: ours },
  }
  for (const [policy, done] of [
    ['recreate', 'nothing'],
    ['update', 'label'],
  ] as const) {
    assert.equal(decideExisting({ live: service, desired: service, policy, isSame: () => true }).do, done)
  }
})

const references = fc.uniqueArray(
  fc.constantFrom('a', 'b', 'c').map((name) => ({ name })),
  { selector: ({ name }) => name },
)
const labels = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.constantFrom('1', '2'), { noNullPrototype: true })
const accounts = fc
  .record({ secrets: references, imagePullSecrets: references, labels, annotations: labels })
  .map(({ labels: own, annotations, ...rest }) => account(rest, { labels: own, annotations }))

test('merging takes nothing away, changes nothing that is there, and is finished after once', () => {
  fc.assert(
    fc.property(accounts, accounts, (there, archived) => {
      const merged = applyMergePatch(there, mergeServiceAccount(there, archived) ?? {}) as KubeObject
      assert.equal(mergeServiceAccount(merged, archived), undefined)
      assert.deepEqual(merged.metadata.labels, { ...archived.metadata.labels, ...there.metadata.labels })
      assert.deepEqual(mergeServiceAccount(there, there), undefined)
    }),
  )
})

test('a restore knows its own objects by its label and by their age, not those of an earlier restore of its name', () => {
  const restore = { name: 'r'.repeat(80), createdAt: '2026-01-01T10:00:00Z' }
  const live = (label: string, creationTimestamp: string): KubeObject => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'a', creationTimestamp, labels: { [labelKeys.restoreName]: label } },
  })
  const own = labelValue(restore.name)
  assert.equal(madeByRestore(live(own, '2026-01-01T10:00:00Z'), restore), true)
  assert.equal(madeByRestore(live(own, '2026-01-01T09:59:59Z'), restore), false)
  assert.equal(madeByRestore(live('another', '2026-01-01T10:00:05Z'), restore), false)
  assert.equal(madeByRestore({ ...live(own, ''), metadata: { name: 'a' } }, restore), false)
})

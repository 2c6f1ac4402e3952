import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { labelKeys } from '#api/labels.ts'
import type { KubeObject } from '#kube/object.ts'
import { comparable } from './comparable.ts'
import { decideObject } from './decision.ts'
import { applyMergePatch } from './merge.ts'

const kinds = fc.constantFrom('ConfigMap', 'Service', 'Pod', 'PersistentVolumeClaim', 'PersistentVolume', 'Secret')
const policies = fc.constantFrom(undefined, '', 'none', 'update', 'recreate')
const texts = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.constantFrom('1', '2'), { noNullPrototype: true })
const flux = { 'kustomize.toolkit.fluxcd.io/name': 'apps' }

interface Parts {
  kind: string
  data: object
  labels?: Record<string, string>
  more?: object
}

function object({ kind, data, labels = {}, more = {} }: Parts): KubeObject {
  return { apiVersion: 'v1', kind, metadata: { name: 'a', namespace: 'shop', labels, ...more }, data }
}

const asked = fc.record({ kind: kinds, before: texts, after: texts, labels: texts, policy: policies })

test('what is not there is created, whatever the policy', () => {
  fc.assert(
    fc.property(asked, ({ kind, after, labels, policy }) => {
      const desired = object({ kind, data: after, labels })
      const decision = decideObject({ live: undefined, desired, policy, resumes: undefined, leavesToGit: new Set() })
      assert.deepEqual(decision, { do: 'create' })
    }),
  )
})

test('without a policy nothing that is there is changed; with update the patch makes it what was backed up', () => {
  fc.assert(
    fc.property(asked, ({ kind, before, after, labels, policy }) => {
      const live = object({ kind, data: before, labels, more: { uid: 'u', resourceVersion: '1' } })
      const desired = object({ kind, data: after, labels: { ...labels, [labelKeys.restoreName]: 'r' } })
      const decision = decideObject({ live, desired, policy, resumes: undefined })
      if (policy === undefined || policy === '' || policy === 'none') {
        assert.ok(decision.do === 'nothing' || decision.do === 'warn', decision.do)
      }
      if (decision.do === 'patch') {
        const patched = applyMergePatch(live, decision.patch) as KubeObject
        assert.deepEqual(comparable(patched), comparable(desired))
      }
    }),
  )
})

test('a volume or a claim is never deleted, and nothing is but under policy recreate', () => {
  fc.assert(
    fc.property(asked, fc.boolean(), ({ kind, before, after, policy }, same) => {
      const facts = { live: object({ kind, data: before }), desired: object({ kind, data: after }), policy }
      const decision = decideObject({ ...facts, resumes: undefined, isSame: () => same })
      if (decision.do === 'recreate') {
        assert.equal(policy, 'recreate')
        assert.equal(same, false)
        assert.ok(!kind.startsWith('PersistentVolume'))
      }
    }),
  )
})

test('a live object that Git keeps is left alone exactly when that was asked for', () => {
  fc.assert(
    fc.property(asked, fc.boolean(), ({ kind, before, after, policy }, leaves) => {
      const live = object({ kind, data: before, labels: flux })
      const decision = decideObject({
        live,
        desired: object({ kind, data: after }),
        policy,
        resumes: undefined,
        leavesToGit: leaves ? new Set() : undefined,
      })
      assert.equal(decision.do === 'nothing' && decision.because === 'left-to-git', leaves)
    }),
  )
})

test('what a cut-off run of this restore has made is finished, not judged', () => {
  const resumes = { name: 'r', createdAt: '2026-01-01T10:00:00Z' }
  fc.assert(
    fc.property(asked, fc.boolean(), ({ kind, before, after, policy }, younger) => {
      const more = { creationTimestamp: younger ? '2026-01-01T10:00:01Z' : '2026-01-01T09:00:00Z' }
      const live = object({ kind, data: before, labels: { [labelKeys.restoreName]: 'r' }, more })
      const decision = decideObject({ live, desired: object({ kind, data: after }), policy, resumes })
      assert.equal(decision.do === 'finish', younger)
    }),
  )
})

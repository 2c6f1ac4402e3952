import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { KubeObject } from '#kube/object.ts'
import { gitOpsOwner, gitOpsOwnerText } from './gitops.ts'

const tracking = 'argocd.argoproj.io/tracking-id'

function deployment(metadata: Partial<KubeObject['metadata']>): KubeObject {
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', namespace: 'shop', ...metadata } }
}

function ownerText(object: KubeObject, applications: string[] = []): string | undefined {
  const owner = gitOpsOwner(object, new Set(applications))
  return owner && gitOpsOwnerText(owner)
}

test('Argo CD owns what its tracking id names', () => {
  const tracked = (id: string): KubeObject => deployment({ annotations: { [tracking]: id } })
  assert.equal(ownerText(tracked('store:apps/Deployment:shop/web')), 'Argo CD Application store')
  assert.equal(ownerText(tracked('team-a_store:apps/Deployment:shop/web')), 'Argo CD Application team-a/store')
})

test('a tracking id that was copied from another object proves nothing', () => {
  for (const id of [
    'store:apps/ReplicaSet:shop/web',
    'store:apps/Deployment:shop/other',
    'store:/Deployment:shop/web',
    'nonsense',
    '',
  ]) {
    assert.equal(ownerText(deployment({ annotations: { [tracking]: id } })), undefined, id)
  }
})

test('the label that Helm sets too counts only for an Application that there is', () => {
  const labelled = deployment({ labels: { 'app.kubernetes.io/instance': 'store' } })
  assert.equal(ownerText(labelled), undefined)
  assert.equal(ownerText(labelled, ['other']), undefined)
  assert.equal(ownerText(labelled, ['store']), 'Argo CD Application store')
  assert.equal(
    ownerText(deployment({ labels: { 'argocd.argoproj.io/instance': 'store' } })),
    'Argo CD Application store',
  )
})

test('Flux owns by the labels of its two controllers', () => {
  const labels = (prefix: string): Record<string, string> => ({
    [`${prefix}/name`]: 'apps',
    [`${prefix}/namespace`]: 'flux-system',
  })
  assert.equal(
    ownerText(deployment({ labels: labels('kustomize.toolkit.fluxcd.io') })),
    'Flux Kustomization flux-system/apps',
  )
  assert.equal(ownerText(deployment({ labels: labels('helm.toolkit.fluxcd.io') })), 'Flux HelmRelease flux-system/apps')
})

test('Helm by itself is no GitOps', () => {
  const annotations = { 'meta.helm.sh/release-name': 'web', 'meta.helm.sh/release-namespace': 'shop' }
  assert.equal(
    ownerText(deployment({ annotations, labels: { 'app.kubernetes.io/managed-by': 'Helm' } }), ['store']),
    undefined,
  )
})

test('no tracking id can break the reading of it', () => {
  fc.assert(
    fc.property(fc.string(), (id) => {
      const owner = gitOpsOwner(deployment({ annotations: { [tracking]: id } }), new Set())
      if (owner !== undefined) assert.ok(id.endsWith('/web') && id.includes('apps/Deployment'))
    }),
  )
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ServedType } from '#kube/object.ts'
import { canonicalResource, findType } from './resource-names.ts'

const type = (plural: string, group: string, kind: string, shortNames: string[] = []): ServedType => ({
  group,
  version: 'v1',
  plural,
  kind,
  namespaced: true,
  singular: kind.toLowerCase(),
  shortNames,
  verbs: ['list'],
  preferred: true,
})

const types = [
  type('deployments', 'apps', 'Deployment', ['deploy']),
  type('events', 'events.k8s.io', 'Event', ['ev']),
  type('events', '', 'Event', ['ev']),
  type('pods', '', 'Pod', ['po']),
  type('ingresses', 'networking.k8s.io', 'Ingress', ['ing']),
  type('customresourcedefinitions', 'apiextensions.k8s.io', 'CustomResourceDefinition', ['crd', 'crds']),
  type('po', 'trap.test', 'Po'),
]

test('a type is found by all its names, in any case', () => {
  for (const name of ['deployments', 'deployment', 'deploy', 'Deployment', 'deploy.apps', 'DEPLOYMENTS.APPS']) {
    assert.equal(canonicalResource(name, types), 'deployments.apps', name)
  }
  assert.equal(canonicalResource('crds', types), 'customresourcedefinitions.apiextensions.k8s.io')
})

test('the core group wins, and a group can be named to choose another', () => {
  assert.equal(canonicalResource('ev', types), 'events')
  assert.equal(canonicalResource('events.events.k8s.io', types), 'events.events.k8s.io')
})

test('the beginning of a group is enough', () => {
  assert.equal(canonicalResource('ing.networking', types), 'ingresses.networking.k8s.io')
})

test('a plural goes before another type’s short name', () => {
  assert.equal(findType('po', types)?.group, 'trap.test')
})

test('a name that nothing answers to stays as it is', () => {
  for (const name of ['*', 'trees.orchard.test', 'pods.apps', 'nothing'])
    assert.equal(canonicalResource(name, types), name)
})

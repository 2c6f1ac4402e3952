import assert from 'node:assert/strict'
import { test } from 'node:test'
import { storedTypesNamed } from './stored-types.ts'

const resources = [
  'pods',
  'endpoints',
  'ingresses.networking.k8s.io',
  'networkpolicies.networking.k8s.io',
  'policies.example.com',
  'policies.other.io',
]

test('plural, kind and short name find a type, with or without its group', () => {
  for (const word of ['ingresses', 'Ingress', 'ing', 'ingress.networking', 'ingresses.networking.k8s.io']) {
    assert.deepEqual(storedTypesNamed(word, resources), ['ingresses.networking.k8s.io'], word)
  }
  assert.deepEqual(storedTypesNamed('NetworkPolicy', resources), ['networkpolicies.networking.k8s.io'])
  assert.deepEqual(storedTypesNamed('Endpoints', resources), ['endpoints'])
  assert.deepEqual(storedTypesNamed('po', resources), ['pods'])
})

test('a name that several groups have stands for all of them, until a group is named', () => {
  assert.deepEqual(storedTypesNamed('policy', resources), ['policies.example.com', 'policies.other.io'])
  assert.deepEqual(storedTypesNamed('policy.other', resources), ['policies.other.io'])
})

test('a short name is not the one of a type that is not there, and part of a word is no word', () => {
  assert.deepEqual(storedTypesNamed('deploy', resources), [])
  assert.deepEqual(storedTypesNamed('pol', resources), [])
  assert.deepEqual(storedTypesNamed('ingress.net', resources), [])
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { chooseVersion, compareVersions, parseVersionPriorities, type TypeVersion } from './api-versions.ts'

/** `v1*` is a preferred one. */
const versions = (...names: string[]): TypeVersion[] =>
  names.map((name) => ({ version: name.replace('*', ''), preferred: name.endsWith('*') }))

function chosen(
  archived: readonly string[],
  served: readonly string[],
  wanted?: readonly string[],
): string | undefined {
  return chooseVersion({ archived: versions(...archived), served: versions(...served), wanted })?.version
}

test('the version is the one that user, cluster and backup want, in this order', () => {
  for (const [archived, served, wanted, version] of [
    [['v1*', 'v2'], ['v1', 'v2*'], undefined, 'v2'],
    [['v1*', 'v2'], ['v1', 'v2*'], ['v1'], 'v1'],
    [['v1*', 'v2'], ['v1', 'v2*'], ['v3', 'v2'], 'v2'],
    [['v1*', 'v2'], ['v1', 'v2*'], ['v3'], 'v2'],
    [['v1*', 'v2'], ['v1', 'v3*'], undefined, 'v1'],
    [['v1*', 'v2beta1', 'v2beta2'], ['v2beta1', 'v2beta2', 'v3*'], undefined, 'v2beta2'],
    [['v1*'], ['v2*'], undefined, undefined],
    [['v1*'], [], undefined, undefined],
    [[], ['v1*'], undefined, undefined],
  ] as const) {
    assert.equal(chosen(archived, served, wanted), version, JSON.stringify([archived, served, wanted]))
  }
})

test('versions stand in Kubernetes’ order', () => {
  const order = ['foo2', 'foo10', 'foo1', 'v1alpha1', 'v11alpha2', 'v1beta1', 'v1beta2', 'v3beta1', 'v1', 'v2', 'v10']
  const sorted = [...order].reverse().toSorted(compareVersions)
  assert.deepEqual(sorted, order)
})

test('the order of any versions is one order', () => {
  const version = fc.oneof(fc.stringMatching(/^v[12](alpha[12]|beta[12])?$/), fc.string({ maxLength: 2 }))
  fc.assert(
    fc.property(version, version, version, (a, b, c) => {
      assert.equal(Math.sign(compareVersions(a, b)) + Math.sign(compareVersions(b, a)), 0)
      assert.equal(compareVersions(a, b) === 0, a === b)
      if (compareVersions(a, b) < 0 && compareVersions(b, c) < 0) assert.ok(compareVersions(a, c) < 0)
    }),
  )
})

test('priorities are read line by line, and what is no priority says nothing', () => {
  const text = 'rockbands.music.example.io=v2beta1, v2beta2\n\norchestras.music.example.io = v2\nbad\na=b=c\n=v1\nx=\n'
  assert.deepEqual(
    parseVersionPriorities(text),
    new Map([
      ['rockbands.music.example.io', ['v2beta1', 'v2beta2']],
      ['orchestras.music.example.io', ['v2']],
    ]),
  )
})

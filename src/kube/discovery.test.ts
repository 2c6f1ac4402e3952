import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { groupsIn, typesIn, withPreferred } from './discovery.ts'

const group = fc
  .uniqueArray(
    fc.record({
      version: fc.constantFrom('v1', 'v2', 'v1beta1'),
      plurals: fc.uniqueArray(fc.constantFrom('a', 'b', 'c')),
    }),
    {
      selector: ({ version }) => version,
      minLength: 1,
    },
  )
  .chain((versions) =>
    fc.record({
      versions: fc.constant(versions),
      preferred: fc.constantFrom(...versions.map(({ version }) => version)),
    }),
  )

test('exactly one version of each type is preferred: the preferred one of the group where that serves the type', () => {
  fc.assert(
    fc.property(group, ({ versions, preferred }) => {
      const types = withPreferred({
        name: 'g',
        preferredVersion: preferred,
        versions: versions.map(({ version, plurals }) => ({
          version,
          types: typesIn(
            { resources: plurals.map((name) => ({ name, namespaced: true, kind: name })) },
            { group: 'g', version },
          ),
        })),
      })
      for (const plural of new Set(types.map((type) => type.plural))) {
        const chosen = types.filter((type) => type.plural === plural && type.preferred).map(({ version }) => version)
        const serving = versions
          .filter(({ plurals }) => (plurals as string[]).includes(plural))
          .map(({ version }) => version)
        assert.deepEqual(chosen, [serving.includes(preferred) ? preferred : serving[0]])
      }
    }),
  )
})

test('a stale version is not vouched for, and what has only subresources is no type', () => {
  const resource = { resource: 'pods', responseKind: { kind: 'Pod' }, scope: 'Namespaced', verbs: ['list'] }
  const [found] = groupsIn({
    kind: 'APIGroupDiscoveryList',
    items: [
      {
        metadata: { name: 'x.io' },
        versions: [
          { version: 'v2', freshness: 'Stale', resources: [resource] },
          { version: 'v1', freshness: 'Current', resources: [resource, { resource: 'bare', responseKind: null }] },
        ],
      },
    ],
  })
  assert.deepEqual(
    found?.versions.map(({ version, types }) => [version, types?.map(({ plural }) => plural)]),
    [
      ['v2', undefined],
      ['v1', ['pods']],
    ],
  )
})

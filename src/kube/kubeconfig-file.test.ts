import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KubeConfig as OracleConfig } from '@kubernetes/client-node'
import fc from 'fast-check'
import { stringify } from 'yaml'
import type { Entry, KubeConfig } from './kubeconfig-file.ts'
import { mergeKubeConfigs, parseKubeConfig, pathIn, textIn } from './kubeconfig-file.ts'

const word = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/)
const named = <T>(value: fc.Arbitrary<T>) =>
  fc.uniqueArray(fc.tuple(word, value), { selector: ([name]) => name, maxLength: 4 })
const file = fc.record({
  current: fc.option(word, { nil: undefined }),
  clusters: named(fc.record({ server: word.map((host) => `https://${host}:6443`), 'tls-server-name': word })),
  users: named(fc.record({ token: word, 'client-key': fc.constantFrom('key.pem', '/abs/key.pem', '../key.pem') })),
  contexts: named(fc.record({ cluster: word, user: word, namespace: word })),
})

type File = typeof file extends fc.Arbitrary<infer T> ? T : never

function textOf({ current, clusters, users, contexts }: File): string {
  return stringify({
    'current-context': current ?? '',
    clusters: clusters.map(([name, cluster]) => ({ name, cluster })),
    users: users.map(([name, user]) => ({ name, user })),
    contexts: contexts.map(([name, context]) => ({ name, context })),
  })
}

const names = (entries: ReadonlyMap<string, Entry>) => [...entries.keys()].toSorted()

function assertSame(ours: KubeConfig, oracle: OracleConfig): void {
  assert.equal(ours.currentContext ?? '', oracle.getCurrentContext() ?? '')
  assert.deepEqual(
    names(ours.clusters),
    oracle
      .getClusters()
      .map(({ name }) => name)
      .toSorted(),
  )
  for (const { name, server, tlsServerName } of oracle.getClusters()) {
    const entry = ours.clusters.get(name)!
    assert.deepEqual([textIn(entry, 'server'), textIn(entry, 'tls-server-name')], [server, tlsServerName])
  }
  for (const { name, token, keyFile } of oracle.getUsers()) {
    const entry = ours.users.get(name)!
    assert.deepEqual([textIn(entry, 'token'), pathIn(entry, 'client-key')], [token, keyFile])
  }
  for (const { name, cluster, user, namespace } of oracle.getContexts()) {
    const entry = ours.contexts.get(name)!
    assert.deepEqual(
      [textIn(entry, 'cluster'), textIn(entry, 'user'), textIn(entry, 'namespace')],
      [cluster, user, namespace],
    )
  }
}

test('a file says to us what it says to the official client', () => {
  fc.assert(
    fc.property(file, (content) => {
      const oracle = new OracleConfig()
      oracle.loadFromString(textOf(content))
      oracle.makePathsAbsolute('/home/me/.kube')
      assertSame(parseKubeConfig(textOf(content), '/home/me/.kube/config'), oracle)
    }),
  )
})

test('of several files the first that says something is right, entry by entry', () => {
  fc.assert(
    fc.property(fc.array(file, { maxLength: 3 }), (contents) => {
      const parsed = contents.map((content, index) => parseKubeConfig(textOf(content), `/dir${index}/config`))
      const merged = mergeKubeConfigs(parsed)
      assert.equal(merged.currentContext, contents.find(({ current }) => current !== undefined)?.current)
      for (const list of ['clusters', 'users', 'contexts'] as const) {
        assert.deepEqual(
          names(merged[list]),
          [...new Set(parsed.flatMap((config) => [...config[list].keys()]))].toSorted(),
        )
        for (const [name, entry] of merged[list])
          assert.equal(entry, parsed.find((config) => config[list].has(name))?.[list].get(name))
      }
    }),
  )
})

test('what is no kubeconfig is refused with the name of the file', () => {
  for (const text of [
    'a: [',
    '- a',
    'clusters: 7',
    'users: [{user: {}}]',
    'users: [{name: a, user: {}}, {name: a, user: {}}]',
  ]) {
    assert.throws(
      () => parseKubeConfig(text, '/x/config'),
      { name: 'KubeConfigError', problem: 'malformed', message: /^\/x\/config / },
      text,
    )
  }
})

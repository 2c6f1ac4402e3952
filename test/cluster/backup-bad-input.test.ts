import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import type { BackupSpec } from '#api/backup.ts'
import { BackupError } from '#backup/error.ts'
import { defaultBackup, readClusterFacts } from '#backup/defaults.ts'
import { runBackup } from '#backup/run.ts'
import { validateBackup } from '#backup/validation.ts'
import type { KubeClient } from '#kube/client.ts'
import { fileStore } from '#store/file.ts'
import { memoryStore } from '#store/memory.ts'
import { findingsOf } from '../support/backup-results.ts'
import { backUp, namesOf, readBackup } from '../support/backup-run.ts'
import { cli, scratchFolder, type CliResult } from '../support/cli.ts'
import { sharedCluster, testNamespace } from '../support/cluster.ts'
import { ConfigMaps, make } from '../support/objects.ts'

let kube: KubeClient
let kubeconfigPath: string
let shop: Awaited<ReturnType<typeof testNamespace>>
before(async () => {
  ;({ kube, kubeconfigPath } = await sharedCluster())
  shop = await testNamespace(kube)
  await make(kube, ConfigMaps, { namespace: shop.name, name: 'prices' })
})
after(async () => {
  await shop[Symbol.asyncDispose]()
})

/** What validation says to a backup with this spec, accepted as every door does it. */
async function problemsOf(spec: BackupSpec): Promise<string[]> {
  const asked = { apiVersion: 'velero.io/v1', kind: 'Backup', metadata: { name: 'nightly' }, spec }
  return validateBackup(defaultBackup(asked, { facts: await readClusterFacts(kube), now: new Date() }))
}

const label = (operator: string, values?: string[]): BackupSpec => ({
  labelSelector: { matchExpressions: [{ key: 'app', operator, ...(values === undefined ? {} : { values }) }] },
})

suite('a spec is refused when', () => {
  const wrong: [string, BackupSpec, RegExp][] = [
    [
      'a selector has an operator that there is not',
      label('Is', ['web']),
      /"Is" is not a valid label selector operator/,
    ],
    ['a selector compares with nothing', label('In', []), /label app has the operator In and no values/],
    ['a selector asks for presence of a value', label('Exists', ['web']), /Exists, which takes no values/],
    ['a label has a value that no label can have', { labelSelector: { matchLabels: { app: 'web shop' } } }, /web shop/],
    ['a label has a key that no label can have', { labelSelector: { matchLabels: { 'a b': 'c' } } }, /a b/],
    [
      'one of several selectors is wrong',
      {
        orLabelSelectors: [
          { matchLabels: { app: 'web' } },
          { matchExpressions: [{ key: 'x', operator: 'Gt', values: ['1'] }] },
        ],
      },
      /"Gt" is not a valid label selector operator/,
    ],
    [
      'one selector and several are given',
      { labelSelector: { matchLabels: { app: 'web' } }, orLabelSelectors: [{ matchLabels: { app: 'shop' } }] },
      /labelSelector.*orLabelSelector|one of them/s,
    ],
    [
      'a type is both in and out',
      { includedResources: ['pods', 'secrets'], excludedResources: ['secrets'] },
      /resource lists: excludes list cannot contain an item in the includes list: secrets/,
    ],
    [
      'a namespace is both in and out',
      { includedNamespaces: ['a', 'b'], excludedNamespaces: ['b'] },
      /namespace lists: excludes list cannot contain an item in the includes list: b/,
    ],
    [
      'a namespace pattern is no pattern',
      { includedNamespaces: ['shop-[ab'] },
      /namespace lists: wildcard pattern contains unclosed bracket '\['/,
    ],
    [
      'everything and more is included',
      { includedResources: ['*', 'pods'] },
      /includes list must either contain '\*' only/,
    ],
    [
      'a cluster-scoped type is both in and out',
      { includedClusterScopedResources: ['nodes'], excludedClusterScopedResources: ['nodes'] },
      /cluster-scoped .*: nodes/,
    ],
    [
      'old and new filters are mixed',
      { includedResources: ['pods'], excludedNamespaceScopedResources: ['secrets'] },
      /They cannot be used together/,
    ],
  ]
  for (const [what, spec, message] of wrong) {
    test(what, async () => {
      const problems = await problemsOf(spec)
      assert.ok(
        problems.some((problem) => message.test(problem)),
        problems.join('\n'),
      )
    })
  }

  test('several things are wrong, and all of them are told at once', async () => {
    const problems = await problemsOf({
      includedNamespaces: ['a'],
      excludedNamespaces: ['a'],
      includedResources: ['pods'],
      excludedResources: ['pods'],
      ...label('Is'),
    })
    assert.equal(problems.length, 3, problems.join('\n'))
  })
})

test('a selector that nobody validated ends the run before anything is written', async () => {
  for (const spec of [label('Is', ['web']), { labelSelector: { matchLabels: { app: 'web shop' } } }]) {
    const store = memoryStore()
    const backup = { apiVersion: 'velero.io/v1', kind: 'Backup', metadata: { name: 'nightly' }, spec }
    await assert.rejects(runBackup({ backup, kube, store, now: () => new Date() }), (error) => {
      assert.ok(error instanceof BackupError, String(error))
      assert.equal(error.problem, 'invalid')
      assert.match(error.message, /operator|web shop/)
      return true
    })
    assert.deepEqual(await Array.fromAsync(store.list('')), [])
  }
})

/** `backup create` of the shop into `store`, with more flags. */
async function create(store: string, ...flags: string[]): Promise<CliResult> {
  const args = ['--store', store, 'backup', 'create', 'nightly', '--include-namespaces', shop.name, ...flags]
  const result = await cli(args, { env: { KUBECONFIG: kubeconfigPath } })
  assert.doesNotMatch(result.stderr, /bug in Lifeboat|\n {4}at /)
  return result
}

suite('the command refuses, with what is wrong, and writes nothing:', () => {
  const wrong: [string, string[], RegExp, number][] = [
    ['a selector in an unknown notation', ['--selector', 'app > 3'], /"app > 3".*operator|cannot understand/, 2],
    ['a selector without its end', ['--selector', 'app in (web'], /app in \(web/, 2],
    ['an alternative that is no selector', ['--or-selector', 'a=b or c d=e'], /c d=e/, 2],
    ['overlapping lists', ['--include-resources', 'pods,secrets', '--exclude-resources', 'secrets'], /secrets/, 1],
    [
      'a policy that does not exist',
      ['--resource-policies-configmap', 'nowhere'],
      /ConfigMap .*nowhere does not exist; make it/,
      1,
    ],
  ]
  for (const [what, flags, message, code] of wrong) {
    test(what, async () => {
      await using folder = await scratchFolder()
      const result = await create(folder.path, ...flags)
      assert.match(result.stderr, message)
      assert.equal(result.code, code, result.stderr)
      assert.deepEqual(await Array.fromAsync(fileStore(folder.path).list('')), [])
    })
  }
})

test('a type that the cluster does not know is a warning, and the backup holds the others', async () => {
  const store = memoryStore()
  const spec = { includedNamespaces: [shop.name], includedResources: ['configmaps', 'no-such-things.example.com'] }
  assert.equal((await backUp({ kube, store, spec })).status?.phase, 'Completed')
  const { errors, warnings } = await findingsOf(store)
  assert.deepEqual(errors, [])
  assert.equal(warnings.filter((line) => line.includes('no-such-things.example.com')).length, 1, warnings.join('\n'))
  assert.ok(namesOf(await readBackup(store), 'configmaps').includes(`${shop.name}/prices`))
})

test('a list of nothing but unknown types selects nothing rather than everything, and says so', async () => {
  await using folder = await scratchFolder()
  const { code, stderr, stdout } = await create(folder.path, '--include-resources', 'pod5,secretz')
  assert.equal(code, 0, stderr)
  const store = fileStore(folder.path)
  const { warnings } = await findingsOf(store)
  assert.ok(
    ['pod5', 'secretz'].every((name) => warnings.some((line) => line.includes(name))),
    warnings.join('\n'),
  )
  assert.equal((await readBackup(store)).objects.size, 0)
  assert.match(stdout, /warning/)
})

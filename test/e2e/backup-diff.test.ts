import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { sharedCluster, testNamespace } from '../support/cluster.ts'
import { cli, scratchFolder, type CliResult } from '../support/cli.ts'
import { ConfigMaps, make } from '../support/objects.ts'

test('differences are shown as a table, JSON or YAML, and the exit code tells whether there are any', async () => {
  const { kube, kubeconfigPath } = await sharedCluster()
  await using namespace = await testNamespace(kube)
  await using store = await scratchFolder()
  const at = { namespace: namespace.name }
  const run = (...args: string[]): Promise<CliResult> =>
    cli(args, { env: { KUBECONFIG: kubeconfigPath, LIFEBOAT_STORE: store.path } })
  const diff = (...args: string[]): Promise<CliResult> => run('backup', 'diff', ...args)
  await make(kube, ConfigMaps, { ...at, name: 'prices', data: { apple: '0.40' } })
  await make(kube, ConfigMaps, { ...at, name: 'gone' })
  const backUp = (name: string): Promise<CliResult> =>
    run('backup', 'create', name, '--include-namespaces', namespace.name, '--include-resources', 'configmaps')
  assert.equal((await backUp('monday')).code, 0)
  await kube.patch(ConfigMaps, 'prices', { merge: { data: { apple: '0.50' } } }, at)
  await kube.delete(ConfigMaps, 'gone', at)
  assert.equal((await backUp('tuesday')).code, 0)

  const table = await diff('monday', 'tuesday')
  assert.equal(table.code, 4, table.stderr)
  assert.match(table.stdout, /^TYPE +ONLY IN monday +ONLY IN tuesday +DIFFERENT\nconfigmaps +1 +1\n/)
  assert.match(table.stdout, new RegExp(`- configmaps/${namespace.name}/gone\\n`))
  assert.match(
    table.stdout,
    new RegExp(`~ configmaps/${namespace.name}/prices\\n {4}data.apple\\n {6}- "0.40"\\n {6}\\+ "0.50"\\n`),
  )
  assert.match(table.stdout, /\d objects compared, \d the same, 2 different\.\n$/)

  const json = await diff('monday', 'tuesday', '-o', 'json', '--include-resources', 'cm')
  assert.equal(json.code, 4)
  const document = JSON.parse(json.stdout) as {
    differences: { name: string; difference: string; changes?: object[] }[]
  }
  const prices = document.differences.find(({ name }) => name === 'prices')
  assert.deepEqual(
    [prices?.difference, prices?.changes],
    ['different', [{ path: 'data.apple', old: '0.40', new: '0.50' }]],
  )
  assert.match(
    (await diff('monday', 'tuesday', '-o', 'yaml')).stdout,
    /^left: monday\nright: tuesday\ndifferences:\n- resource: configmaps\n/,
  )

  const same = await diff('tuesday', 'tuesday')
  assert.equal(same.code, 0, same.stderr)
  assert.match(same.stdout, /^\d objects compared, \d the same, 0 different\.\n$/)
  assert.equal((await diff('tuesday', '--live')).code, 0)
  const live = await diff('monday', '--live', '-l', '!nothing')
  assert.equal(live.code, 4, live.stderr)
  assert.match(live.stdout, /ONLY IN the cluster/)

  // As if Velero had made it.
  await rm(join(store.path, 'backups', 'monday', 'monday-manifest.json.gz'))
  assert.equal((await diff('monday', 'tuesday')).stdout, table.stdout)
})

test('a comparison that cannot be made is refused', async () => {
  const { kube, kubeconfigPath } = await sharedCluster()
  await using namespace = await testNamespace(kube)
  await using store = await scratchFolder()
  const run = (...args: string[]): Promise<CliResult> =>
    cli(args, { env: { KUBECONFIG: kubeconfigPath, LIFEBOAT_STORE: store.path } })
  assert.equal((await run('backup', 'create', 'b1', '--include-namespaces', namespace.name)).code, 0)
  for (const args of [['b1'], ['b1', 'b1', '--live']]) {
    const { code, stderr } = await run('backup', 'diff', ...args)
    assert.equal(code, 2)
    assert.match(stderr, /say what to compare with: a second backup or --live/)
  }
  const unknown = await run('backup', 'diff', 'b1', 'b2')
  assert.equal(unknown.code, 1)
  assert.match(unknown.stderr, /no backup "b2".*there are: b1/)
  const mistyped = await run('backup', 'diff', 'b1', 'b1', '--include-resources', 'cm,gizmos')
  assert.equal(mistyped.code, 1)
  assert.match(mistyped.stderr, /neither side has a type "gizmos"/)
})

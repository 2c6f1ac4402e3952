import assert from 'node:assert/strict'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'node:test'
import { parse } from 'yaml'
import { sharedCluster, testNamespace } from '../support/cluster.ts'
import { cli, scratchFolder, type CliResult } from '../support/cli.ts'
import { ConfigMaps, make } from '../support/objects.ts'

const golden = fileURLToPath(new URL('../compat/golden/', import.meta.url))

test('the contents of a backup are a tree, lists that machines read, and single objects', async () => {
  const { kube, kubeconfigPath } = await sharedCluster()
  await using namespace = await testNamespace(kube)
  await using store = await scratchFolder()
  const run = (...args: string[]): Promise<CliResult> =>
    cli(args, { env: { KUBECONFIG: kubeconfigPath, LIFEBOAT_STORE: store.path } })
  await make(kube, ConfigMaps, { namespace: namespace.name, name: 'prices', data: { apple: '0.40', id: '007' } })
  await run('backup', 'create', 'monday', '--include-namespaces', namespace.name)

  const tree = await run('backup', 'contents', 'monday')
  assert.equal(tree.code, 0, tree.stderr)
  assert.match(tree.stdout, new RegExp(`^${namespace.name} +\\d+ objects, .*\\n +configmaps +2 objects`, 'm'))
  assert.match(tree.stdout, /^ {4}prices +\d+ B$/m)
  assert.match(tree.stdout, /^\(cluster-scoped\) +\d+ objects?/)

  const filtered = await run(
    'backup',
    'contents',
    'monday',
    '--include-resources',
    'cm',
    '--name',
    'pri*',
    '-o',
    'json',
  )
  const { objects } = JSON.parse(filtered.stdout) as { objects: { name: string; size: number }[] }
  assert.deepEqual(
    objects.map(({ name }) => name),
    ['prices'],
  )
  assert.ok((objects[0]?.size ?? 0) > 100)

  const shown = await run('backup', 'contents', 'monday', '--show', `ConfigMap/${namespace.name}/prices`)
  const { data } = parse(shown.stdout) as { data: object }
  assert.deepEqual(data, { apple: '0.40', id: '007' })
  assert.match(
    (await run('backup', 'contents', 'monday', '--show', `ns/${namespace.name}`)).stdout,
    /^kind: Namespace$/m,
  )
})

test('what is not in a backup is refused with what is', async () => {
  const { kube, kubeconfigPath } = await sharedCluster()
  await using namespace = await testNamespace(kube)
  await using store = await scratchFolder()
  const run = (...args: string[]): Promise<CliResult> =>
    cli(args, { env: { KUBECONFIG: kubeconfigPath, LIFEBOAT_STORE: store.path } })
  await make(kube, ConfigMaps, { namespace: namespace.name, name: 'prices' })
  await run('backup', 'create', 'monday', '--include-namespaces', namespace.name)
  const refusals: [string[], number, RegExp][] = [
    [['tuesday'], 1, /no backup "tuesday".*there are: monday/],
    [['monday', '--show', 'prices'], 2, /--show needs KIND\/NAMESPACE\/NAME/],
    [['monday', '--show', 'gadget/x/y'], 1, /no object of a type "gadget" is in this backup; it holds configmaps/],
    [['monday', '--show', 'cm/elsewhere/prices'], 1, new RegExp(`there is configmaps/${namespace.name}/prices$`, 'm')],
    [['monday', '--include-resources', 'gadgets'], 1, /no object of a type "gadgets"/],
  ]
  for (const [args, code, message] of refusals) {
    const result = await run('backup', 'contents', ...args)
    assert.equal(result.code, code, args.join(' '))
    assert.match(result.stderr, message)
    assert.equal(result.stdout, '')
  }
})

test('a backup of Velero shows its contents too', async () => {
  await using store = await scratchFolder()
  await cp(join(golden, 'scenarios', 'a04-resources', 'bucket'), store.path, { recursive: true })
  const run = (...args: string[]): Promise<CliResult> => cli(args, { env: { LIFEBOAT_STORE: store.path } })
  const tree = await run('backup', 'contents', 'a04-resources', '--include-resources', 'deploy')
  assert.equal(tree.code, 0, tree.stderr)
  assert.match(tree.stdout, /^ {2}deployments\.apps +\d+ objects?/m)
})

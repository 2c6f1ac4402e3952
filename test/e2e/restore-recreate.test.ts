import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { test } from 'node:test'
import { sharedCluster, testNamespace } from '../support/cluster.ts'
import { cli, scratchFolder, type CliResult } from '../support/cli.ts'
import { ConfigMaps, make } from '../support/objects.ts'

test('objects are deleted to be made anew only when somebody agreed to it', async () => {
  const { kube, kubeconfigPath } = await sharedCluster()
  await using namespace = await testNamespace(kube)
  await using store = await scratchFolder()
  const at = { namespace: namespace.name }
  const run = (...args: string[]): Promise<CliResult> =>
    cli(args, { env: { KUBECONFIG: kubeconfigPath, LIFEBOAT_STORE: store.path } })
  const restore = (name: string, ...more: string[]): Promise<CliResult> =>
    run('restore', 'create', name, '--from-backup', 'b1', '--existing-resource-policy', 'recreate', ...more)
  await make(kube, ConfigMaps, { ...at, name: 'prices', immutable: true, data: { apple: '0.40' } })
  assert.equal((await run('backup', 'create', 'b1', '--include-namespaces', namespace.name)).code, 0)

  // Nothing differs, so nothing is asked.
  assert.equal((await restore('calm')).code, 0)

  await kube.delete(ConfigMaps, 'prices', at)
  const drifted = await make(kube, ConfigMaps, { ...at, name: 'prices', immutable: true, data: { apple: '0.50' } })
  const refused = await restore('asked')
  assert.equal(refused.code, 1)
  assert.match(
    refused.stderr,
    new RegExp(`recreate configmaps/${namespace.name}/prices\\n {4}data.apple\\n {6}- "0.50"\\n`),
  )
  assert.match(
    refused.stderr,
    /nothing was restored: 1 object would be deleted and made anew, no objects deleted for good; add --yes/,
  )
  assert.deepEqual(await kube.get(ConfigMaps, 'prices', at), drifted)
  assert.deepEqual(await readdir(`${store.path}/restores`), ['calm'])

  const dry = await restore('dry', '--dry-run')
  assert.equal(dry.code, 0, dry.stderr)
  assert.match(dry.stdout, /^TYPE +CREATE +UPDATE +RECREATE +CONFLICT\nconfigmaps +1\n/)

  const agreed = await restore('agreed', '--yes')
  assert.equal(agreed.code, 0, agreed.stderr)
  assert.deepEqual((await kube.get(ConfigMaps, 'prices', at))['data'], { apple: '0.40' })
  assert.match((await run('restore', 'describe', 'agreed', '--details')).stdout, /- .*\/prices\(recreated\)/)
})

test('a wish that is not understood is refused before anything is done', async () => {
  const { kube, kubeconfigPath } = await sharedCluster()
  await using namespace = await testNamespace(kube)
  await using store = await scratchFolder()
  const run = (...args: string[]): Promise<CliResult> =>
    cli(args, { env: { KUBECONFIG: kubeconfigPath, LIFEBOAT_STORE: store.path } })
  assert.equal((await run('backup', 'create', 'b1', '--include-namespaces', namespace.name)).code, 0)
  const create = ['restore', 'create', 'r1', '--from-backup', 'b1']
  const unknown = await run(...create, '--existing-resource-policy', 'replace')
  assert.equal(unknown.code, 2)
  assert.match(unknown.stderr, /must be one of none, update, recreate, not "replace"/)
  const annotated = await run(...create, '--annotations', 'lifeboat.dev/exact=yes')
  assert.equal(annotated.code, 1)
  assert.match(annotated.stderr, /Restore "r1" cannot run:\n.*lifeboat\.dev\/exact must be true or false, not "yes"/)
  assert.ok(!(await readdir(store.path)).includes('restores'))
})

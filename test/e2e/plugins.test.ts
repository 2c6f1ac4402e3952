import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { fileStore } from '#store/file.ts'
import { readBackup } from '../support/backup-run.ts'
import { cli, scratchFolder, type CliResult } from '../support/cli.ts'
import { sharedCluster, testNamespace } from '../support/cluster.ts'
import { ConfigMaps, Deployments, make, Namespaces, Secrets } from '../support/objects.ts'

const examples = fileURLToPath(new URL('../../docs/examples', import.meta.url))

function runner(cwd: string, env: Record<string, string>): (...args: string[]) => Promise<CliResult> {
  return (...args) => cli(args, { cwd, env })
}

test('the examples of the documentation do what they say: values redacted, histories left out, a folder copied, workloads asleep', async () => {
  const { kube, kubeconfigPath } = await sharedCluster()
  await using shop = await testNamespace(kube)
  await using folder = await scratchFolder()
  const namespace = shop.name
  await make(kube, Secrets, {
    namespace,
    name: 'card',
    metadata: { labels: { 'example.com/redact': 'true' } },
    data: { pin: Buffer.from('1234').toString('base64') },
  })
  await make(kube, Secrets, { namespace, name: 'release', metadata: { labels: { owner: 'helm' } } })
  await make(kube, Secrets, { namespace, name: 'plain', data: { a: 'Yg==' } })
  const [from, to] = [join(folder.path, 'from'), join(folder.path, 'copies')]
  await mkdir(from)
  await mkdir(to)
  await writeFile(join(from, 'orders.csv'), 'apple,3')
  const annotations = { 'example.com/copy-from': from, 'example.com/copy-to': to }
  await make(kube, ConfigMaps, { namespace, name: 'orders', metadata: { annotations } })

  const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image: 'web' }] } }
  const spec = { replicas: 3, selector: { matchLabels: { app: 'web' } }, template }
  await make(kube, Deployments, { namespace, name: 'web', spec })

  const store = join(folder.path, 'store')
  await mkdir(store)
  const run = runner(examples, { KUBECONFIG: kubeconfigPath, LIFEBOAT_STORE: store })
  const filter = ['--include-namespaces', namespace]
  const plugins = ['--plugins', './redact.ts,copy-folder.ts']
  const preview = await run('backup', 'create', 'monday', ...filter, ...plugins, '--dry-run')
  assert.equal(preview.code, 0, preview.stderr)
  assert.match(preview.stdout, /Info: .*Plug-ins are not asked.*example\.com\/redact, .*example\.com\/copy-folder/)
  assert.deepEqual(await readdir(to), [])

  const created = await run('backup', 'create', 'monday', ...filter, ...plugins)
  assert.equal(created.code, 0, created.stdout + created.stderr)
  const { objects } = await readBackup(fileStore(store), 'monday')
  const secret = (name: string) => objects.get(`resources/secrets/namespaces/${namespace}/${name}.json`)
  assert.deepEqual(secret('card')?.['data'], { pin: '' })
  assert.equal(secret('card')?.metadata.annotations?.['example.com/redacted'], 'pin')
  assert.equal(secret('release'), undefined)
  assert.deepEqual(secret('plain')?.['data'], { a: 'Yg==' })
  assert.equal(await readFile(join(to, 'monday', 'orders.csv'), 'utf8'), 'apple,3')

  const described = await run('backup', 'describe', 'monday')
  assert.match(described.stdout, /Backup Item Operations: +1 of 1 completed successfully, 0 failed/)
  const detailed = await run('backup', 'describe', 'monday', '--details')
  const block = detailed.stdout.slice(detailed.stdout.indexOf('Backup Item Operations:'))
  assert.match(block, new RegExp(`^Backup Item Operations:\n  Operation for configmaps ${namespace}/orders:\n`))
  assert.match(
    block,
    /\n +Backup Item Action Plugin: +example\.com\/copy-folder\n +Operation ID: +\/.*\/copies\/monday\n/,
  )
  assert.match(block, new RegExp(`\n +Items to Update:\n +configmaps ${namespace}/orders\n +Phase: +Completed\n`))

  const copy = `${namespace}-copy`
  const mapping = ['--namespace-mappings', `${namespace}:${copy}`]
  const back = ['restore', 'create', 'back', '--from-backup', 'monday', ...mapping, '--plugins', './scale-down.ts']
  try {
    const plan = await run(...back, '--dry-run')
    assert.equal(plan.code, 0, plan.stdout + plan.stderr)
    assert.match(plan.stdout, /plug-ins are not asked.*example\.com\/scale-down/)
    const restored = await run(...back)
    assert.equal(restored.code, 0, restored.stdout + restored.stderr)
    const web = await kube.get(Deployments, 'web', { namespace: copy })
    assert.equal((web['spec'] as { replicas: number }).replicas, 0)
    assert.equal(web.metadata.annotations?.['example.com/replicas'], '3')
  } finally {
    await kube.delete(Namespaces, copy).catch(() => undefined)
  }
})

test('a plug-in that cannot be used ends the command before anything is written, and says which and why', async () => {
  const { kubeconfigPath } = await sharedCluster()
  await using folder = await scratchFolder()
  const store = join(folder.path, 'store')
  await mkdir(store)
  await writeFile(join(folder.path, 'broken.mjs'), 'throw new Error("no licence")')
  const named = { KUBECONFIG: kubeconfigPath, LIFEBOAT_STORE: store }
  const broken = await runner(folder.path, { ...named, LIFEBOAT_PLUGINS: './broken.mjs' })('backup', 'create', 'b')
  assert.equal(broken.code, 1)
  assert.equal(
    broken.stderr,
    'error: plug-in ./broken.mjs cannot be loaded: no licence; mend the module, or leave it out\n',
  )
  const missing = await runner(folder.path, named)('backup', 'create', 'b', '--plugins', './none.mjs')
  assert.equal(missing.code, 1)
  assert.match(
    missing.stderr,
    /^error: plug-in \.\/none\.mjs cannot be loaded: there is no file .*name a file, or a package/,
  )
  assert.deepEqual(await readdir(store), [])
})

test('plug-ins of a command that a server carries out are refused: the server has its own', async () => {
  const { kubeconfigPath } = await sharedCluster()
  const { code, stderr } = await runner(examples, { KUBECONFIG: kubeconfigPath })(
    'backup',
    'create',
    'b',
    '--plugins',
    './redact.ts',
  )
  assert.equal(code, 2)
  assert.match(stderr, /give --plugins to `lifeboat server`/)
})

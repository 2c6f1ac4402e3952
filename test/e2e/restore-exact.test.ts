import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { sharedCluster, testNamespace } from '../support/cluster.ts'
import { cli, scratchFolder, startCli, type CliResult } from '../support/cli.ts'
import { ConfigMaps, Secrets, make } from '../support/objects.ts'

test('an exact restore shows its plan, wants a yes, and backs the namespace up first', async () => {
  const { kube, kubeconfigPath } = await sharedCluster()
  await using namespace = await testNamespace(kube)
  await using store = await scratchFolder()
  const at = { namespace: namespace.name }
  const run = (...args: string[]): Promise<CliResult> =>
    cli(args, { env: { KUBECONFIG: kubeconfigPath, LIFEBOAT_STORE: store.path } })
  const restore = (name: string, ...more: string[]): Promise<CliResult> =>
    run('restore', 'create', name, '--from-backup', 'b1', '--exact', ...more)
  const here = ['--include-namespaces', namespace.name]
  await make(kube, ConfigMaps, { ...at, name: 'prices', data: { apple: '0.40' } })
  assert.equal((await run('backup', 'create', 'b1', ...here)).code, 0)
  await kube.patch(ConfigMaps, 'prices', { merge: { data: { apple: '0.50' } } }, at)
  const extra = await make(kube, Secrets, { ...at, name: 'extra', data: { a: 'MQ==' } })

  const anywhere = await restore('r1', '--yes')
  assert.equal(anywhere.code, 2)
  assert.match(anywhere.stderr, /--exact deletes: say where, with --include-namespaces/)
  const patterned = await restore('r1', '--yes', '--include-namespaces', 'test-*')
  assert.equal(patterned.code, 1)
  assert.match(patterned.stderr, /needs its namespaces by name in includedNamespaces, without patterns/)
  assert.equal((await restore('r1', '--existing-resource-policy', 'none', ...here)).code, 1)
  assert.equal((await run('restore', 'create', '--from-backup', 'b1', '--no-safety-backup')).code, 2)

  const asked = await restore('r1', ...here)
  assert.equal(asked.code, 1)
  assert.match(asked.stderr, new RegExp(`update configmaps/${namespace.name}/prices\\n {4}data.apple\\n`))
  assert.match(asked.stderr, new RegExp(`delete secrets/${namespace.name}/extra\\n`))
  assert.match(
    asked.stderr,
    /nothing was restored: no objects would be deleted and made anew, 1 object deleted for good; add --yes/,
  )
  assert.deepEqual(await kube.get(Secrets, 'extra', at), extra)
  assert.deepEqual(await readdir(store.path), ['backups'])

  const dry = await restore('r1', '--dry-run', ...here)
  assert.equal(dry.code, 0, dry.stderr)
  assert.match(dry.stdout, /^TYPE +CREATE +UPDATE +DELETE +CONFLICT\n/)

  const made = await restore('r1', '--yes', ...here)
  assert.equal(made.code, 0, made.stderr)
  assert.match(made.stderr, new RegExp(`Safety backup r1-before of ${namespace.name} is made first`))
  assert.equal(await kube.find(Secrets, 'extra', at), undefined)
  assert.deepEqual((await kube.get(ConfigMaps, 'prices', at))['data'], { apple: '0.40' })
  assert.match((await run('restore', 'describe', 'r1', '--details')).stdout, /- .*\/extra\(deleted\)/)
  // The way back.
  assert.equal((await run('restore', 'create', 'back', '--from-backup', 'r1-before')).code, 0)
  assert.deepEqual((await kube.get(Secrets, 'extra', at))['data'], extra['data'])

  assert.equal((await restore('r2', '--yes', '--no-safety-backup', ...here)).code, 0)
  assert.deepEqual((await readdir(join(store.path, 'backups'))).toSorted(), ['b1', 'r1-before'])
  assert.equal(await kube.find(Secrets, 'extra', at), undefined)
})

test('through the server, too, an exact restore begins when its safety backup is whole', async () => {
  const { kube, kubeconfigPath } = await sharedCluster()
  await using home = await testNamespace(kube)
  await using namespace = await testNamespace(kube)
  await using folder = await scratchFolder()
  const at = { namespace: namespace.name }
  const env = { KUBECONFIG: kubeconfigPath, VELERO_NAMESPACE: home.name }
  const run = (...args: string[]): Promise<CliResult> => cli(args, { env })
  await make(kube, ConfigMaps, { ...at, name: 'prices', data: { apple: '0.40' } })
  assert.equal((await run('install', '--crds-only')).code, 0)
  const place = ['--provider', 'lifeboat.dev/file', '--bucket', 'b', '--config', `path=${join(folder.path, 'store')}`]
  assert.equal((await run('backup-location', 'create', 'default', ...place, '--default')).code, 0)
  const server = startCli(['server', '--metrics-address', '127.0.0.1:0'], { env })
  try {
    while (!/ Available +/.test((await run('backup-location', 'get')).stdout)) await sleep(200)
    const here = ['--include-namespaces', namespace.name]
    const created = await run('backup', 'create', 'b1', ...here, '--wait')
    assert.equal(created.code, 0, created.stdout + created.stderr)
    // No object of this type was there, which only the manifest knows.
    await make(kube, Secrets, { ...at, name: 'extra' })

    const dry = await run('restore', 'create', '--from-backup', 'b1', '--exact', ...here, '--dry-run')
    assert.equal(dry.code, 0, dry.stderr)
    assert.match(dry.stdout, new RegExp(`delete secrets/${namespace.name}/extra\\n`))
    const made = await run('restore', 'create', 'r1', '--from-backup', 'b1', '--exact', '--yes', ...here, '--wait')
    assert.equal(made.code, 0, made.stdout + made.stderr)
    assert.equal(await kube.find(Secrets, 'extra', at), undefined)
    assert.match((await run('backup', 'get', 'r1-before')).stdout, /r1-before +Completed/)
    assert.match((await run('backup', 'contents', 'r1-before')).stdout, /extra/)

    assert.equal((await run('backup', 'diff', 'b1', '--live', '--include-resources', 'cm,secrets')).code, 0)
    const differing = await run('backup', 'diff', 'r1-before', 'b1')
    assert.equal(differing.code, 4, differing.stderr)
    assert.match(differing.stdout, new RegExp(`- secrets/${namespace.name}/extra\\n`))
  } finally {
    server.child.kill('SIGTERM')
    const { code, stderr } = await server.ended
    assert.equal(code, 0, stderr)
  }
})

import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { sharedCluster, testNamespace } from '../support/cluster.ts'
import { cli, scratchFolder, type CliResult } from '../support/cli.ts'
import { ConfigMaps, make } from '../support/objects.ts'

interface PlanDocument {
  restore: string
  backup: string
  objects: { resource: string; name: string; action: string; reason?: string; changes?: object[] }[]
  findings: object[]
  errors: number
  warnings: number
  phase: string
}

test('the plan of a restore is shown as a table, JSON or YAML, and its exit code is that of the restore', async () => {
  const { kube, kubeconfigPath } = await sharedCluster()
  await using namespace = await testNamespace(kube)
  await using store = await scratchFolder()
  const at = { namespace: namespace.name }
  const run = (...args: string[]): Promise<CliResult> =>
    cli(args, { env: { KUBECONFIG: kubeconfigPath, LIFEBOAT_STORE: store.path } })
  const dryRun = (...args: string[]): Promise<CliResult> =>
    run('restore', 'create', 'r1', '--from-backup', 'b1', '--dry-run', ...args)
  for (const name of ['prices', 'lost']) await make(kube, ConfigMaps, { ...at, name, data: { apple: '0.40' } })
  await make(kube, ConfigMaps, { ...at, name: 'broken', data: { a: 'b' } })
  assert.equal((await run('backup', 'create', 'b1', '--include-namespaces', namespace.name)).code, 0)
  await kube.patch(ConfigMaps, 'prices', { merge: { data: { apple: '0.50' } } }, at)
  await kube.delete(ConfigMaps, 'lost', at)

  const table = await dryRun('--existing-resource-policy', 'update')
  assert.equal(table.code, 0, table.stderr)
  assert.match(table.stdout, /^TYPE +CREATE +UPDATE +CONFLICT\nconfigmaps +1 +1\n/)
  assert.match(table.stdout, /LEFT ALONE, BECAUSE IT IS +OBJECTS\n(.*\n)*there, and the same as in the backup +\d+\n/)
  assert.match(
    table.stdout,
    new RegExp(`update configmaps/${namespace.name}/prices\\n {4}data.apple\\n {6}- "0.50"\\n {6}\\+ "0.40"\\n`),
  )
  assert.match(
    table.stdout,
    /1 object would be created, 1 updated, \d+ left alone, 0 in conflict\. The restore would be Completed: no errors, no warnings\. Nothing was written\.\n$/,
  )

  const json = await dryRun('-o', 'json')
  assert.equal(json.code, 0, json.stderr)
  const plan = JSON.parse(json.stdout) as PlanDocument
  const actionOf = (name: string): string | undefined => plan.objects.find((one) => one.name === name)?.action
  assert.deepEqual([plan.restore, plan.backup, plan.phase, plan.errors, plan.warnings], ['r1', 'b1', 'Completed', 0, 1])
  assert.deepEqual(['prices', 'lost', 'broken'].map(actionOf), ['conflict', 'create', 'skip'])
  assert.deepEqual(plan.objects.find(({ name }) => name === 'prices')?.changes, [
    { path: 'data.apple', old: '0.50', new: '0.40' },
  ])
  assert.equal(plan.objects.find(({ name }) => name === 'broken')?.reason, 'equal')

  const filtered = JSON.parse((await dryRun('-o', 'json', '--include-resources', 'secrets')).stdout) as PlanDocument
  assert.deepEqual(
    filtered.objects
      .filter(({ resource }) => resource === 'configmaps')
      .map(({ action, reason }) => `${action} ${reason}`),
    Array.from({ length: 4 }, () => 'skip type-not-included'),
  )
  const yaml = await dryRun('-o', 'yaml')
  assert.match(yaml.stdout, /^restore: r1\nbackup: b1\nobjects:\n- apiVersion: v1\n {2}kind: /)
  assert.match(yaml.stdout, /\nfindings: \[\]\nerrors: 0\nwarnings: 1\nphase: Completed\n$/)

  const mapped = await dryRun('--namespace-mappings', `${namespace.name}:${namespace.name}-copy`)
  assert.match(mapped.stdout, new RegExp(`namespace ${namespace.name}-copy is only to be created +\\d`))
  assert.deepEqual(await readdir(store.path), ['backups'])
})

test('a dry run of a restore that would fail says so, and its exit code with it', async () => {
  const { kube, kubeconfigPath } = await sharedCluster()
  await using namespace = await testNamespace(kube)
  await using store = await scratchFolder()
  const at = { namespace: namespace.name }
  const run = (...args: string[]): Promise<CliResult> =>
    cli(args, { env: { KUBECONFIG: kubeconfigPath, LIFEBOAT_STORE: store.path } })
  await make(kube, ConfigMaps, { ...at, name: 'prices' })
  assert.equal((await run('backup', 'create', 'b1', '--include-namespaces', namespace.name)).code, 0)

  // No namespace may have a name like this, and so nothing can be made in it.
  const partly = await run(
    'restore',
    'create',
    'r1',
    '--from-backup',
    'b1',
    '--dry-run',
    '--namespace-mappings',
    `${namespace.name}:Not_A_Name`,
  )
  assert.equal(partly.code, 3, partly.stderr)
  assert.match(partly.stdout, /conflict namespaces\/Not_A_Name\n {4}error: .*lowercase RFC 1123 label/)
  assert.match(partly.stdout, /The restore would be PartiallyFailed: \d+ errors?, no warnings/)

  const unknown = await run('restore', 'create', 'r1', '--from-backup', 'b2', '--dry-run')
  assert.equal(unknown.code, 1)
  assert.match(unknown.stderr, /no backup "b2".*there are: b1/)

  const invalid = await run(
    'restore',
    'create',
    'r1',
    '--from-backup',
    'b1',
    '--dry-run',
    '--include-resources',
    'nodes',
  )
  assert.equal(invalid.code, 1)
  assert.match(invalid.stderr, /Restore "r1" cannot run:\n.*nodes are non-restorable resources/)

  assert.equal((await run('restore', 'create', 'r1', '--from-backup', 'b1')).code, 0)
  const taken = await run('restore', 'create', 'r1', '--from-backup', 'b1', '--dry-run')
  assert.equal(taken.code, 1)
  assert.match(taken.stderr, /there is a restore of this name in /)
  assert.deepEqual(await readdir(join(store.path, 'restores')), ['r1'])
})

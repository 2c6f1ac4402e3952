import assert from 'node:assert/strict'
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { sharedCluster, testNamespace } from '../support/cluster.ts'
import { cli, scratchFolder, type CliResult } from '../support/cli.ts'

const configMaps = { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap', namespaced: true }
const namespaces = { group: '', version: 'v1', plural: 'namespaces', kind: 'Namespace', namespaced: false }

test('without installation a namespace is backed up, looked at, restored under another name and the backup deleted', async () => {
  const { kube, kubeconfigPath } = await sharedCluster()
  await using source = await testNamespace(kube)
  await using store = await scratchFolder()
  const copy = `${source.name}-copy`
  await kube.create(
    configMaps,
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'prices', namespace: source.name },
      data: { apple: '0.40' },
    },
    { namespace: source.name },
  )
  const run = (...args: string[]): Promise<CliResult> =>
    cli(args, { env: { KUBECONFIG: kubeconfigPath, LIFEBOAT_STORE: store.path } })
  try {
    const created = await run(
      'backup',
      'create',
      'monday',
      '--include-namespaces',
      source.name,
      '--labels',
      'run=nightly',
    )
    assert.equal(created.code, 0, created.stderr)
    assert.match(created.stdout, /^Backup monday: Completed, \d+ objects in store /)

    const table = await run('backup', 'get')
    assert.match(
      table.stdout,
      /^NAME +STATUS +ERRORS +WARNINGS +CREATED +EXPIRES +STORAGE LOCATION +QUEUE POSITION +SELECTOR\nmonday +Completed +0 +0 /,
    )
    const json = JSON.parse((await run('get', 'backups', '-o', 'json')).stdout) as {
      kind: string
      metadata: { labels: object }
    }
    assert.equal(json.kind, 'Backup')
    assert.deepEqual(json.metadata.labels, { run: 'nightly', 'velero.io/storage-location': 'default' })

    const described = await run('backup', 'describe', 'monday', '--details')
    assert.match(described.stdout, /Phase: +Completed/)
    assert.match(described.stdout, /Consistency:\n +Resource version: +\d+/)
    assert.match(described.stdout, new RegExp(`v1/ConfigMap:\\n(.*\\n)*? +- ${source.name}/prices`))

    assert.match((await run('backup', 'logs', 'monday')).stdout, /^time="[^"]+" level=info msg=/)
    const file = join(store.path, 'saved.tar.gz')
    assert.equal((await run('backup', 'download', 'monday', '-o', file)).code, 0)
    assert.deepEqual([...(await readFile(file)).subarray(0, 2)], [0x1f, 0x8b])

    const restored = await run(
      'restore',
      'create',
      'back',
      '--from-backup',
      'monday',
      '--namespace-mappings',
      `${source.name}:${copy}`,
    )
    assert.equal(restored.code, 0, restored.stderr + restored.stdout)
    const found = await kube.get(configMaps, 'prices', { namespace: copy })
    assert.deepEqual(found['data'], { apple: '0.40' })
    assert.deepEqual(found.metadata.labels, { 'velero.io/backup-name': 'monday', 'velero.io/restore-name': 'back' })

    assert.match((await run('restore', 'get')).stdout, /back +monday +Completed/)

    const labels = ['--labels', 'velero.io/schedule-name=daily']
    const due = await run('backup', 'create', 'daily-1', '--include-namespaces', source.name, ...labels)
    assert.equal(due.code, 0, due.stderr)
    const scheduled = await run('restore', 'create', 'of-daily', '--from-schedule', 'daily')
    assert.equal(scheduled.code, 0, scheduled.stdout + scheduled.stderr)
    assert.match((await run('restore', 'get', 'of-daily')).stdout, /of-daily +daily-1 +Completed/)
    assert.match(
      (await run('restore', 'create', '--from-schedule', 'weekly')).stderr,
      /schedule "weekly" has no backups/,
    )
    assert.equal((await run('backup', 'delete', 'daily-1', '--confirm')).code, 0)

    const mistyped = await run(
      'restore',
      'create',
      'mistyped',
      '--from-backup',
      'monday',
      '--include-namespaces',
      'no-such-place',
    )
    assert.match(mistyped.stdout, /no objects looked at.*\n.*no errors, 1 warning:/)
    assert.match(
      (await run('restore', 'describe', 'mistyped')).stdout,
      /monday holds nothing that this restore asks for: check its filters/,
    )
    assert.match(
      (await run('restore', 'describe', 'back', '--details')).stdout,
      new RegExp(`- ${copy}/prices\\(created\\)`),
    )
    assert.match((await run('restore', 'logs', 'back')).stdout, /level=info/)

    assert.match((await run('restore', 'delete')).stderr, /say which: names, --all, or --selector/)
    assert.match((await run('restore', 'delete', 'mistyped')).stderr, /nothing was deleted: add --confirm/)
    assert.match(
      (await run('restore', 'delete', 'mistaken', '--confirm')).stderr,
      /no restore "mistaken".*; there are: back, mistyped/,
    )
    assert.equal((await run('delete', 'restores', '-l', 'no=such', '--confirm')).stdout, 'No restores found\n')
    const gone = await run('delete', 'restore', 'mistyped', '--confirm')
    assert.equal(gone.stdout, 'Restore mistyped deleted.\n', gone.stderr)
    assert.deepEqual(await readdir(join(store.path, 'restores')), ['back'])

    const deleted = await run('backup', 'delete', 'monday', '--confirm')
    assert.equal(deleted.stdout, 'Backup monday deleted, with 1 restore made from it.\n')
    assert.match((await run('backup', 'get')).stderr, /^No backups in store /)
    assert.match((await run('restore', 'get')).stderr, /^No restores in store /)
  } finally {
    await kube.delete(namespaces, copy)
  }
})

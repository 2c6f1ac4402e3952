// Velero's own client, unmodified, on schedules that our server keeps.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { Backups } from '#api/backup.ts'
import { Schedules } from '#api/schedule.ts'
import { scratchFolder } from '../support/cli.ts'
import { sharedCluster, testNamespace } from '../support/cluster.ts'
import { ConfigMaps, make, Namespaces } from '../support/objects.ts'
import { eventually, installKinds, makeLocation, startServer } from '../support/server.ts'
import { veleroClient } from '../support/velero.ts'

test('the velero client makes, shows, pauses and deletes schedules, and works with the backups they make', async () => {
  const { kube, kubeconfigPath } = await sharedCluster()
  await using _connection = { [Symbol.asyncDispose]: () => kube.close() }
  await using home = await testNamespace(kube)
  await using shop = await testNamespace(kube)
  await using folder = await scratchFolder()
  const namespace = home.name
  const copy = `${shop.name}-again`
  await installKinds(kube)
  await make(kube, ConfigMaps, { name: 'prices', namespace: shop.name, data: { apple: '1' } })
  await makeLocation(kube, namespace, { path: join(folder.path, 'store') })
  await using server = startServer({ kubeconfigPath, namespace })
  await server.leads()
  const said = await veleroClient({ kubeconfigPath, namespace, directory: folder.path })
  const saysAtLast = async (pattern: RegExp, ...args: string[]): Promise<void> => {
    await eventually(async () => (pattern.test(await said(...args)) ? true : undefined))
  }

  const what = ['--include-namespaces', shop.name, '--labels', 'crew=night', '--ttl', '24h']
  await said('schedule', 'create', 'tide', '--schedule', '@every 3s', ...what, '--use-owner-references-in-backup')
  await saysAtLast(/tide +Enabled +.* @every 3s +24h0m0s +\d+s ago +<none> +false/, 'schedule', 'get')
  const described = await said('schedule', 'describe', 'tide')
  assert.match(described, /Phase: +Enabled/)
  assert.match(described, /Schedule: +@every 3s/)
  assert.match(described, /Last Backup: +20/)
  await saysAtLast(/tide-20\d{12} +Completed +0 +0 .* 23h +default/, 'backup', 'get')
  assert.match(await said('schedule', 'pause', 'tide'), /paused successfully/)
  const [made] = (await kube.list(Backups, { namespace })).items
  assert.deepEqual(
    [made?.metadata.labels?.['crew'], made?.metadata.labels?.['velero.io/schedule-name']],
    ['night', 'tide'],
  )
  assert.equal(made?.metadata.ownerReferences?.[0]?.kind, 'Schedule')

  assert.match(await said('backup', 'create', 'by-hand', '--from-schedule', 'tide', '--wait'), /status: Completed/)
  try {
    const mapping = ['--namespace-mappings', `${shop.name}:${copy}`]
    assert.match(
      await said('restore', 'create', '--from-schedule', 'tide', ...mapping, '--wait'),
      /Restore completed with status: Completed/,
    )
    assert.deepEqual((await kube.get(ConfigMaps, 'prices', { namespace: copy }))['data'], { apple: '1' })
  } finally {
    await kube.delete(Namespaces, copy)
  }

  await said('schedule', 'create', 'odd', '--schedule', '61 * * * *')
  await saysAtLast(
    /Phase: +FailedValidation[\s\S]*Validation errors: +invalid schedule: "61" is no minute/,
    'schedule',
    'describe',
    'odd',
  )
  assert.match(await said('schedule', 'unpause', 'tide', '--skip-immediately=true'), /unpaused successfully/)
  await eventually(async () => {
    const { spec, status } = await kube.get(Schedules, 'tide', { namespace })
    return (spec.skipImmediately === false && typeof status?.lastSkipped === 'string') || undefined
  })
  assert.match(await said('schedule', 'delete', '--all', '--confirm'), /tide/)
  assert.deepEqual((await kube.list(Schedules, { namespace })).items, [])
  await server.end('SIGTERM')
})

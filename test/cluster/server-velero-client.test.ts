// Velero's own client, unmodified, in front of our server.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { Backups } from '#api/backup.ts'
import { DeleteBackupRequests } from '#api/delete-backup-request.ts'
import { Restores } from '#api/restore.ts'
import { scratchFolder } from '../support/cli.ts'
import { sharedCluster, testNamespace } from '../support/cluster.ts'
import { ConfigMaps, make, Namespaces } from '../support/objects.ts'
import { eventually, installKinds, makeLocation, startServer } from '../support/server.ts'
import { veleroClient } from '../support/velero.ts'

test('the velero client makes, shows, fetches, restores and deletes a backup through our server', async (context) => {
  const { kube, kubeconfigPath } = await sharedCluster()
  await using _connection = { [Symbol.asyncDispose]: () => kube.close() }
  await using home = await testNamespace(kube)
  await using shop = await testNamespace(kube)
  await using folder = await scratchFolder()
  const namespace = home.name
  const target = `${shop.name}-again`
  await installKinds(kube)
  await make(kube, ConfigMaps, { name: 'prices', namespace: shop.name, data: { apple: '1' } })
  await makeLocation(kube, namespace, { path: join(folder.path, 'store') })
  await using server = startServer({ kubeconfigPath, namespace })
  await server.leads()

  const said = await veleroClient({ kubeconfigPath, namespace, directory: folder.path })

  await context.test('backup-location get', async () => {
    const shown = await eventually(async () => {
      const answer = await said('backup-location', 'get')
      return answer.includes('Available') ? answer : undefined
    })
    assert.match(shown, /default +lifeboat\.dev\/file +any +Available .* ReadWrite +true/)
  })
  await context.test('version, plugin get', async () => {
    assert.match(await said('version'), /Server:\s+Version: \S+/)
    assert.match(await said('plugin', 'get'), /velero\.io\/aws +ObjectStore/)
  })
  await context.test('backup create --wait', async () => {
    const shown = await said('backup', 'create', 'first', '--include-namespaces', shop.name, '--wait')
    assert.match(shown, /Backup completed with status: Completed/)
  })
  await context.test('backup get', async () => {
    assert.match(await said('backup', 'get'), /first +Completed +0 +0 .* 29d +default/)
  })
  await context.test('backup describe --details', async () => {
    const shown = await said('backup', 'describe', 'first', '--details')
    assert.match(shown, /Phase: +Completed/)
    assert.match(shown, new RegExp(`v1/ConfigMap:\\s+- ${shop.name}/kube-root-ca\\.crt\\s+- ${shop.name}/prices`))
    assert.doesNotMatch(shown, /error/i)
  })
  await context.test('backup logs', async () => {
    assert.match(await said('backup', 'logs', 'first'), /Archived all objects/)
  })
  await context.test('backup download', async () => {
    await said('backup', 'download', 'first', '--output', join(folder.path, 'first.tar.gz'))
    const [fetched, stored] = await Promise.all([
      readFile(join(folder.path, 'first.tar.gz')),
      readFile(join(folder.path, 'store/backups/first/first.tar.gz')),
    ])
    assert.ok(fetched.equals(stored))
  })
  await context.test('restore create --wait, get, describe, logs', async () => {
    try {
      const mapping = `${shop.name}:${target}`
      const asked = ['--from-backup', 'first', '--namespace-mappings', mapping]
      const shown = await said('restore', 'create', 'back', '--wait', ...asked)
      assert.match(shown, /Restore completed with status: Completed/)
      const copy = await kube.get(ConfigMaps, 'prices', { namespace: target })
      assert.deepEqual(copy['data'], { apple: '1' })
      assert.match(await said('restore', 'get'), /back +first +Completed/)
      assert.match(await said('restore', 'describe', 'back', '--details'), /Phase: +Completed/)
      assert.match(await said('restore', 'logs', 'back'), /restore ended/)
    } finally {
      await kube.delete(Namespaces, target)
    }
  })
  await context.test('backup create that is refused', async () => {
    const path = join(folder.path, 'store')
    await makeLocation(kube, namespace, { name: 'frozen', path, spec: { accessMode: 'ReadOnly' } })
    const shown = await said('backup', 'create', 'bad', '--storage-location', 'frozen', '--wait')
    assert.match(shown, /Backup completed with status: FailedValidation/)
    assert.match(await said('backup', 'describe', 'bad'), /frozen is currently in read-only mode/)
  })
  await context.test('backup delete --confirm: files, restores and requests go too', async () => {
    assert.match(await said('backup', 'delete', 'first', '--confirm'), /submitted successfully/)
    await eventually(async () => ((await kube.find(Backups, 'first', { namespace })) === undefined ? true : undefined))
    await eventually(async () => {
      const left = await kube.list(DeleteBackupRequests, { namespace })
      return left.items.length === 0 ? true : undefined
    })
    assert.deepEqual((await kube.list(Restores, { namespace })).items, [])
    await assert.rejects(readFile(join(folder.path, 'store/backups/first/velero-backup.json')), { code: 'ENOENT' })
    await assert.rejects(readFile(join(folder.path, 'store/restores/back/restore-back-logs.gz')), { code: 'ENOENT' })
  })
  await context.test('metrics under the names of Velero', async () => {
    const text = await (await fetch(`${await server.url()}/metrics`)).text()
    for (const line of [
      'velero_backup_attempt_total{schedule=""} 1',
      'velero_backup_success_total{schedule=""} 1',
      'velero_backup_validation_failure_total{schedule=""} 1',
      'velero_backup_last_status{schedule=""} 0',
      'velero_backup_deletion_success_total{schedule=""} 1',
      'velero_restore_success_total{schedule=""} 1',
      'velero_backup_location_status_gauge{backup_location_name="default"} 1',
    ]) {
      assert.ok(text.split('\n').includes(line), `${line} is not in:\n${text}`)
    }
  })
  await server.end('SIGTERM')
})

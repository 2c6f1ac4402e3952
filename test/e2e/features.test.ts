import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { Backups } from '#api/backup.ts'
import type { ResourceType } from '#kube/object.ts'
import { fileStore } from '#store/file.ts'
import { cli, scratchFolder } from '../support/cli.ts'
import { sharedCluster, testNamespace } from '../support/cluster.ts'
import { make } from '../support/objects.ts'
import { askForBackup, ended, installKinds, makeLocation, startServer } from '../support/server.ts'
import { contentsOf } from '../compat/same-backup.ts'

const Scalers: ResourceType = {
  group: 'autoscaling',
  version: 'v2',
  plural: 'horizontalpodautoscalers',
  kind: 'HorizontalPodAutoscaler',
  namespaced: true,
}

test('EnableAPIGroupVersions puts every served version into a backup: by flag, by configuration, of command and server', async () => {
  const { kube, kubeconfigPath } = await sharedCluster()
  await using home = await testNamespace(kube)
  await using folder = await scratchFolder()
  const namespace = home.name
  const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'none' }
  for (const name of ['one', 'two']) {
    await make(kube, Scalers, { namespace, name, spec: { scaleTargetRef, maxReplicas: 3 } })
  }
  const path = join(folder.path, 'store')
  const foldersOf = async (backup: string): Promise<string[]> => {
    const paths = [...(await contentsOf(fileStore(path), backup)).keys()]
    const ours = paths.filter(
      (one) => one.startsWith('resources/horizontalpodautoscalers.') && one.endsWith('/one.json'),
    )
    return ours.map((one) => one.split('/')[2] ?? '').toSorted()
  }
  const configured = join(folder.path, 'home')
  await mkdir(join(configured, '.config', 'velero'), { recursive: true })
  await writeFile(join(configured, '.config/velero/config.json'), '{"features":"EnableCSI,EnableAPIGroupVersions"}')
  const create = async (name: string, home: string, ...flags: string[]): Promise<void> => {
    const args = ['--store', path, 'backup', 'create', name, '--include-namespaces', namespace, ...flags]
    const { code, stderr } = await cli(args, { env: { KUBECONFIG: kubeconfigPath, HOME: home } })
    assert.equal(code, 0, stderr)
  }
  await create('plain', '/nonexistent')
  await create('by-flag', '/nonexistent', '--features', 'EnableAPIGroupVersions')
  await create('by-configuration', configured)
  assert.deepEqual(await foldersOf('plain'), ['namespaces', 'v2-preferredversion'])
  assert.deepEqual(await foldersOf('by-flag'), ['namespaces', 'v1', 'v2-preferredversion'])
  assert.deepEqual(await foldersOf('by-configuration'), ['namespaces', 'v1', 'v2-preferredversion'])

  await installKinds(kube)
  await makeLocation(kube, namespace, { path })
  const args = [
    '--features',
    'EnableAPIGroupVersions',
    '--client-page-size',
    '1',
    '--volume-group-snapshot-label-key',
    'g',
  ]
  await using _server = startServer({ kubeconfigPath, namespace, args })
  await askForBackup(kube, namespace, { name: 'by-server', spec: { includedNamespaces: [namespace] } })
  const { status, spec } = await ended(kube, Backups, { name: 'by-server', namespace, seconds: 60 })
  assert.equal(status?.phase, 'Completed', JSON.stringify(status))
  assert.equal(spec.volumeGroupSnapshotLabelKey, 'g')
  assert.deepEqual(await foldersOf('by-server'), ['namespaces', 'v1', 'v2-preferredversion'])
})

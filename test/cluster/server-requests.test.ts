// What clients ask a server for by DownloadRequest and ServerStatusRequest, and what is left of the requests afterwards.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Backups, type Backup } from '#api/backup.ts'
import { DownloadRequests, downloadTargetKinds, type DownloadTargetKind } from '#api/download-request.ts'
import { Restores, type Restore } from '#api/restore.ts'
import { ServerStatusRequests, type ServerStatusRequest } from '#api/server-status-request.ts'
import { fileStore } from '#store/file.ts'
import { scratchFolder } from '../support/cli.ts'
import { sharedCluster, testNamespace } from '../support/cluster.ts'
import { eventually, installKinds, makeLocation, startServer, type ServerProcess } from '../support/server.ts'
import { putStoredBackup } from '../support/stored-backup.ts'

const { kube, kubeconfigPath } = await sharedCluster()
before(() => installKinds(kube))
after(() => kube.close())

/** Where Velero keeps what each kind asks for. */
const keys: Readonly<Record<DownloadTargetKind, string>> = {
  BackupLog: 'backups/b/b-logs.gz',
  BackupContents: 'backups/b/b.tar.gz',
  BackupVolumeSnapshots: 'backups/b/b-volumesnapshots.json.gz',
  BackupItemOperations: 'backups/b/b-itemoperations.json.gz',
  BackupResourceList: 'backups/b/b-resource-list.json.gz',
  BackupResults: 'backups/b/b-results.gz',
  BackupVolumeInfos: 'backups/b/b-volumeinfo.json.gz',
  CSIBackupVolumeSnapshots: 'backups/b/b-csi-volumesnapshots.json.gz',
  CSIBackupVolumeSnapshotContents: 'backups/b/b-csi-volumesnapshotcontents.json.gz',
  RestoreLog: 'restores/r/restore-r-logs.gz',
  RestoreResults: 'restores/r/restore-r-results.gz',
  RestoreResourceList: 'restores/r/restore-r-resource-list.json.gz',
  RestoreItemOperations: 'restores/r/restore-r-itemoperations.json.gz',
  RestoreVolumeInfo: 'restores/r/r-volumeinfo.json.gz',
}

const apiVersion = 'velero.io/v1'

test('every kind of file is handed out, a missing one is missing, and no request outlives its time', async () => {
  await using home = await testNamespace(kube)
  await using folder = await scratchFolder()
  const namespace = home.name
  const store = fileStore(join(folder.path, 'store'))
  await putStoredBackup(store, 'b')
  for (const key of Object.values(keys)) await store.put(key, Buffer.from(`content of ${key}`))
  await using server = startServer({ kubeconfigPath, namespace })
  await makeLocation(kube, namespace, { path: join(folder.path, 'store') })
  await eventually(() => kube.find(Backups, 'b', { namespace }))
  const restore: Restore = {
    apiVersion,
    kind: 'Restore',
    metadata: { name: 'r' },
    spec: { backupName: 'b' },
    status: { phase: 'Completed' },
  }
  await kube.create(Restores, restore, { namespace })

  const urlOf = async (kind: DownloadTargetKind): Promise<string> => {
    const target = { kind, name: kind.startsWith('Restore') ? 'r' : 'b' }
    const name = kind.toLowerCase()
    await kube.create(
      DownloadRequests,
      { apiVersion, kind: 'DownloadRequest', metadata: { name }, spec: { target } },
      { namespace },
    )
    return await eventually(async () => {
      const { status } = await kube.get(DownloadRequests, name, { namespace })
      return status?.phase === 'Processed' ? status.downloadURL : undefined
    })
  }
  const urls = new Map<DownloadTargetKind, string>()
  for (const kind of downloadTargetKinds) urls.set(kind, await urlOf(kind))
  for (const [kind, url] of urls) {
    const answer = await fetch(url)
    assert.equal(answer.status, 200, kind)
    assert.equal(await answer.text(), `content of ${keys[kind]}`, kind)
  }
  await store.delete(keys.BackupLog)
  assert.equal((await fetch(urls.get('BackupLog') ?? '')).status, 404)

  const past = { merge: { status: { expiration: '2026-01-01T00:00:00Z' } } }
  for (const kind of downloadTargetKinds) {
    await kube.patch(DownloadRequests, kind.toLowerCase(), past, { namespace })
  }
  await eventually(async () => {
    const { items } = await kube.list(DownloadRequests, { namespace })
    return items.length === 0 || undefined
  })
  await server.end('SIGTERM')
})

test('a link is answered by every replica, also by one that starts when the leader is gone', async () => {
  await using home = await testNamespace(kube)
  await using folder = await scratchFolder()
  const namespace = home.name
  const store = fileStore(join(folder.path, 'store'))
  await putStoredBackup(store, 'b')
  await store.put(keys.BackupLog, Buffer.from('the log'))
  await using leader = startServer({ kubeconfigPath, namespace })
  await leader.leads()
  await using second = startServer({ kubeconfigPath, namespace })
  await makeLocation(kube, namespace, { path: join(folder.path, 'store') })
  await eventually(() => kube.find(Backups, 'b', { namespace }))
  const spec = { target: { kind: 'BackupLog', name: 'b' } } as const
  const metadata = { name: 'log' }
  await kube.create(DownloadRequests, { apiVersion, kind: 'DownloadRequest', metadata, spec }, { namespace })
  const link = await eventually(async () => {
    const { status } = await kube.get(DownloadRequests, 'log', { namespace })
    return status?.downloadURL
  })
  const query = new URL(link).search
  const logFrom = async (server: ServerProcess): Promise<string> =>
    await (await fetch(`${await server.url()}/download${query}`)).text()
  assert.equal(await logFrom(second), 'the log')
  await leader.end('SIGKILL')
  await second.end('SIGKILL')
  await using third = startServer({ kubeconfigPath, namespace })
  assert.equal(await logFrom(third), 'the log')
  assert.match(await (await fetch(`${await third.url()}/download${query}0`)).text(), /not valid/)
  await third.end('SIGTERM')
})

test('a server says that it is there, and removes its answer after a minute', async () => {
  await using home = await testNamespace(kube)
  const namespace = home.name
  await using server = startServer({ kubeconfigPath, namespace })
  const request: ServerStatusRequest = { apiVersion, kind: 'ServerStatusRequest', metadata: { name: 's' }, spec: {} }
  await kube.create(ServerStatusRequests, request, { namespace })
  const { status } = await eventually(async () => {
    const found = await kube.get(ServerStatusRequests, 's', { namespace })
    return found.status?.phase === 'Processed' ? found : undefined
  })
  assert.match(status?.serverVersion ?? '', /\d/)
  assert.ok(status?.plugins?.some(({ name, kind }) => name === 'velero.io/aws' && kind === 'ObjectStore'))
  const past = { merge: { status: { processedTimestamp: '2026-01-01T00:00:00Z' } } }
  await kube.patch(ServerStatusRequests, 's', past, { namespace })
  await eventually(async () =>
    (await kube.find(ServerStatusRequests, 's', { namespace })) === undefined ? true : undefined,
  )
  await server.end('SIGTERM')
})

test('a request for a backup whose location is gone dies unanswered', async () => {
  await using home = await testNamespace(kube)
  await using folder = await scratchFolder()
  const namespace = home.name
  await using server = startServer({ kubeconfigPath, namespace })
  await makeLocation(kube, namespace, { path: join(folder.path, 'store') })
  const lost: Backup = {
    apiVersion,
    kind: 'Backup',
    metadata: { name: 'lost' },
    spec: { storageLocation: 'nowhere' },
    status: { phase: 'Completed' },
  }
  await kube.create(Backups, lost, { namespace })
  const spec = { target: { kind: 'BackupLog', name: 'lost' } } as const
  await kube.create(
    DownloadRequests,
    { apiVersion, kind: 'DownloadRequest', metadata: { name: 'd' }, spec },
    { namespace },
  )
  const { status } = await eventually(async () => {
    const found = await kube.get(DownloadRequests, 'd', { namespace })
    return found.status?.expiration === undefined ? undefined : found
  })
  assert.notEqual(status?.phase, 'Processed')
  const past = { merge: { status: { expiration: '2026-01-01T00:00:00Z' } } }
  await kube.patch(DownloadRequests, 'd', past, { namespace })
  await eventually(async () =>
    (await kube.find(DownloadRequests, 'd', { namespace })) === undefined ? true : undefined,
  )
  await server.end('SIGTERM')
})

// Locations whose files nobody can delete for a time: S3 Object Lock, on a server that has it.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { CreateBucketCommand, ListObjectVersionsCommand, PutObjectRetentionCommand, S3Client } from '@aws-sdk/client-s3'
import { Backups } from '#api/backup.ts'
import { DeleteBackupRequests, type DeleteBackupRequest } from '#api/delete-backup-request.ts'
import { deletionRequest } from '#backup/deletion-request.ts'
import { bytes, rejectsWith, text } from '#store/contract-tools.ts'
import { openStore } from '#store/open.ts'
import { sharedCluster, testNamespace } from '../support/cluster.ts'
import { ConfigMaps, make } from '../support/objects.ts'
import { s3Server, type S3Server } from '../support/s3-server.ts'
import { startServerHere } from '../support/server-here.ts'
import { askForBackup, ended, eventually, installKinds, makeLocation } from '../support/server.ts'

const { kube } = await sharedCluster()
let server: S3Server
let client: S3Client
before(async () => {
  await installKinds(kube)
  server = await s3Server('minio')
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = server.env
  const credentials = { accessKeyId, secretAccessKey }
  client = new S3Client({ endpoint: server.endpoint, region: server.region, forcePathStyle: true, credentials })
})
after(async () => {
  client.destroy()
  await server[Symbol.asyncDispose]()
  await kube.close()
})

const DAY = 24 * 3_600_000

async function lockableBucket(): Promise<string> {
  const name = `locked-${randomBytes(6).toString('hex')}`
  await client.send(new CreateBucketCommand({ Bucket: name, ObjectLockEnabledForBucket: true }))
  return name
}

function storeIn(bucket: string, more = '&objectLockMode=GOVERNANCE&objectLockDays=1'): ReturnType<typeof openStore> {
  const { endpoint, region, env } = server
  return openStore(`s3://${bucket}/p?endpoint=${endpoint}&region=${region}${more}`, { env })
}

interface Version {
  readonly Key: string
  readonly VersionId: string
  readonly isMarker: boolean
}

async function versions(bucket: string): Promise<Version[]> {
  const { Versions = [], DeleteMarkers = [] } = await client.send(new ListObjectVersionsCommand({ Bucket: bucket }))
  const some = (found: typeof Versions | typeof DeleteMarkers, isMarker: boolean): Version[] =>
    found.map(({ Key = '', VersionId = '' }) => ({ Key, VersionId, isMarker }))
  return [...some(Versions, false), ...some(DeleteMarkers, true)]
}

/** As if the time were over: whoever has the right may shorten a lock in governance mode. Gives back once it has passed. */
async function letLocksPass(bucket: string): Promise<void> {
  const until = new Date(Date.now() + 1500)
  for (const { Key, VersionId, isMarker } of await versions(bucket)) {
    if (isMarker || !Key.includes('backups/')) continue
    const Retention = { Mode: 'GOVERNANCE', RetainUntilDate: until } as const
    await client.send(
      new PutObjectRetentionCommand({ Bucket: bucket, Key, VersionId, Retention, BypassGovernanceRetention: true }),
    )
  }
  await sleep(2500)
}

test('what is put under backups/ is locked for its days; deleting hides it, and the name is free again', async () => {
  const bucket = await lockableBucket()
  const store = await storeIn(bucket)
  try {
    await store.check({ write: true })
    await store.put('backups/a/a.tar.gz', bytes('first'))
    await store.put('restores/r/restore-r-logs.gz', bytes('log'))
    const lock = await store.locks?.longest('backups/a/')
    assert.equal(lock?.key, 'backups/a/a.tar.gz')
    const left = (lock.until?.getTime() ?? 0) - Date.now()
    assert.ok(left > DAY - 60_000 && left <= DAY, `${left} ms`)
    assert.equal(await store.locks?.longest('restores/'), undefined)
    assert.deepEqual(await store.locks?.protection(), { versions: true, locks: 'used' })

    // What a run removes that did not come to its end, and then makes anew.
    await store.delete('backups/a/a.tar.gz')
    assert.equal(await store.head('backups/a/a.tar.gz'), undefined)
    await store.put('backups/a/a.tar.gz', bytes('second'))
    await rejectsWith('exists', store.put('backups/a/a.tar.gz', bytes('third')))
    assert.equal(await text(store, 'backups/a/a.tar.gz'), 'second')
    assert.equal((await versions(bucket)).filter(({ Key, isMarker }) => Key.includes('/a/') && !isMarker).length, 2)

    await store.delete('backups/a/a.tar.gz')
    assert.ok(await store.locks?.longest('backups/a/'), 'a hidden version is locked all the same')
    await assert.rejects(store.locks?.purge('backups/a/') ?? Promise.resolve(), /a version of backups\/a\/a.tar.gz/)
    await letLocksPass(bucket)
    assert.equal(await store.locks?.longest('backups/a/'), undefined)
    await store.locks?.purge('backups/a/')
    assert.deepEqual(
      (await versions(bucket)).map(({ Key }) => Key),
      ['p/restores/r/restore-r-logs.gz'],
    )
  } finally {
    await store.close()
  }
})

test('a bucket without locks is found unusable for a store that wants them, and says what it is otherwise', async () => {
  const wanting = await storeIn(server.bucket)
  await assert.rejects(wanting.check({ write: true }), /[Ll]ock/)
  await wanting.close()
  const plain = await storeIn(server.bucket, '')
  assert.deepEqual(await plain.locks?.protection(), { versions: false, locks: 'none' })
  await plain.close()
  const unused = await storeIn(await lockableBucket(), '')
  assert.deepEqual(await unused.locks?.protection(), { versions: true, locks: 'possible' })
  await unused.close()
})

test('the deletion of a locked backup waits with the reason, nobody asks again, and it is done when the lock has passed', async () => {
  await using home = await testNamespace(kube)
  const namespace = home.name
  const bucket = await lockableBucket()
  await make(kube, ConfigMaps, { namespace, name: 'prices' })
  const { region, endpoint: s3Url } = server
  const lock = { objectLockMode: 'GOVERNANCE', objectLockDays: '1' }
  const config = { region, s3Url, s3ForcePathStyle: 'true', ...lock }
  const spec = { provider: 'aws', objectStorage: { bucket }, config }
  await makeLocation(kube, namespace, { path: '/', spec })
  const garbageCollectionFrequency = 200
  await using running = startServerHere({
    kube,
    namespace,
    now: () => new Date(),
    config: { env: server.env, garbageCollectionFrequency },
  })
  const wanted = { includedNamespaces: [namespace], includedResources: ['configmaps'], ttl: '1s' }
  await askForBackup(kube, namespace, { name: 'kept', spec: wanted })
  const { status } = await ended(kube, Backups, { name: 'kept', namespace })
  assert.equal(status?.phase, 'Completed', JSON.stringify(status))
  const requests = async (): Promise<DeleteBackupRequest[]> =>
    (await kube.list(DeleteBackupRequests, { namespace })).items
  const [waiting] = await eventually(async () => {
    const found = await requests()
    return found[0]?.status?.errors?.length ? found : undefined
  })
  assert.equal(waiting?.status?.phase, 'InProgress')
  assert.match(waiting.status.errors?.[0] ?? '', /^backup kept is locked until 20.*: nothing of it was deleted$/)
  // Several looks of the garbage collection later.
  await sleep(1500)
  assert.deepEqual(
    (await requests()).map(({ metadata }) => metadata.name),
    [waiting.metadata.name],
  )
  assert.equal((await kube.get(Backups, 'kept', { namespace })).status?.phase, 'Completed')
  // The claim of the run was, as ever.
  const hidden = (await versions(bucket)).filter(({ isMarker }) => isMarker).map(({ Key }) => Key)
  assert.deepEqual(hidden, ['backups/kept/lifeboat-claim.json'])

  await letLocksPass(bucket)
  const again = deletionRequest(await kube.get(Backups, 'kept', { namespace }), 'by-hand')
  await kube.create(DeleteBackupRequests, again, { namespace })
  await eventually(async () => ((await kube.find(Backups, 'kept', { namespace })) === undefined ? true : undefined))
  await eventually(async () => ((await requests()).length === 0 ? true : undefined))
  assert.deepEqual(await versions(bucket), [])
  await running.stop()
})

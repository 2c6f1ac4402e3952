// A bucket that turns against the server, and wishes that cannot be: each ends in a clear status, and nothing is lost.
import assert from 'node:assert/strict'
import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Backups, type BackupSpec } from '#api/backup.ts'
import { BackupStorageLocations } from '#api/backup-storage-location.ts'
import { DeleteBackupRequests } from '#api/delete-backup-request.ts'
import { deletionRequest } from '#backup/deletion-request.ts'
import { createAuthority, createServingCertificate, longValidity } from '#sandbox/certificate.ts'
import { backupKey, backupPrefix } from '#store/layout.ts'
import { openStore } from '#store/open.ts'
import { readBackup } from '../support/backup-run.ts'
import { sharedCluster, testNamespace } from '../support/cluster.ts'
import { ConfigMaps, make, Secrets } from '../support/objects.ts'
import { locationSays, makeKeys, makeS3Location } from '../support/s3-location.ts'
import { s3Server } from '../support/s3-server.ts'
import { askForBackup, ended, eventually, installKinds, startServer, type ServerProcess } from '../support/server.ts'
import { tlsProxy } from '../support/tls-proxy.ts'
import { tollgate, type Guard, type Refusal } from '../support/tollgate.ts'

const stack = new AsyncDisposableStack()
const { kube, kubeconfigPath } = await sharedCluster()
stack.defer(() => kube.close())
const { name: namespace } = stack.use(await testNamespace(kube))
const s3 = stack.use(await s3Server('versitygw'))
let guard: Guard = () => true
const gate = stack.use(await tollgate(s3.endpoint, (passage) => guard(passage)))
const store = await openStore(s3.url.replace('/prefix?', '/main?'), { env: s3.env })
stack.defer(() => store.close())
after(() => stack.disposeAsync())

const often = { validationFrequency: '1s', backupSyncPeriod: '1s' }
const spec: BackupSpec = { includedNamespaces: [namespace], includedResources: ['configmaps'] }
let server: ServerProcess

before(async () => {
  await installKinds(kube)
  await make(kube, ConfigMaps, { namespace, name: 'prices', data: { apple: '1' } })
  await makeKeys(kube, namespace, s3)
  server = stack.use(startServer({ kubeconfigPath, namespace }))
  await makeS3Location(kube, namespace, { s3, endpoint: gate.url, prefix: 'main', spec: { default: true, ...often } })
  await locationSays(kube, namespace, { phase: 'Available' })
  await backedUp('first')
})

async function outcome(name: string, more: BackupSpec = {}) {
  await askForBackup(kube, namespace, { name, spec: { ...spec, ...more } })
  const { status } = await ended(kube, Backups, { name, namespace })
  return { ...status, validationErrors: status?.validationErrors ?? [] }
}

async function backedUp(name: string): Promise<void> {
  assert.equal((await outcome(name)).phase, 'Completed')
}

/** Asks for the deletion of a backup, and gives what is said against it; undefined once it is gone. */
async function deletion(name: string): Promise<string | undefined> {
  const backup = await kube.get(Backups, name, { namespace })
  const request = await kube.create(DeleteBackupRequests, deletionRequest(backup, `${Date.now()}`), { namespace })
  return await eventually(async () => {
    const answered = await kube.find(DeleteBackupRequests, request.metadata.name, { namespace })
    if (answered === undefined) return 'gone'
    return answered.status?.phase === 'Processed' ? (answered.status.errors ?? []).join() : undefined
  }).then((said) => (said === 'gone' ? undefined : said))
}

/** The backup that was there before is still known, and whole. */
async function assertFirstIsSafe(): Promise<void> {
  assert.equal((await kube.get(Backups, 'first', { namespace })).status?.phase, 'Completed')
  assert.deepEqual((await readBackup(store, 'first')).verification.differences, [])
}

const denied: Refusal = {
  status: 403,
  body: '<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>',
}
const skewed: Refusal = { status: 403, body: denied.body.replaceAll('AccessDenied', 'RequestTimeTooSkewed') }

test('keys that became wrong make the location unavailable; backups and deletions are refused, and go on with the right ones', async () => {
  const secret = await kube.get(Secrets, 'keys', { namespace })
  const wrong = { ...s3, env: { ...s3.env, AWS_SECRET_ACCESS_KEY: 'not-the-secret' } }
  await kube.delete(Secrets, 'keys', { namespace })
  await makeKeys(kube, namespace, wrong)
  await locationSays(kube, namespace, {
    phase: 'Unavailable',
    message: /the secret does not belong to this access key/,
  })
  const { phase, validationErrors } = await outcome('keyless')
  assert.deepEqual([phase, validationErrors.length], ['FailedValidation', 1])
  assert.match(validationErrors.join(), /location default is currently unavailable|default.*[Uu]navailable/)
  assert.match((await deletion('first')) ?? '', /backup storage location default is currently in Unavailable state/)
  await assertFirstIsSafe()
  await kube.patch(Secrets, 'keys', { merge: { data: secret['data'] } }, { namespace })
  await locationSays(kube, namespace, { phase: 'Available' })
  await backedUp('second')
  assert.equal(await deletion('second'), undefined)
})

test('a clock that the bucket finds wrong is named; nothing is removed', async () => {
  guard = () => skewed
  await locationSays(kube, namespace, {
    phase: 'Unavailable',
    message: /clock differs from the server's: set it right/,
  })
  guard = () => true
  await locationSays(kube, namespace, { phase: 'Available' })
  await assertFirstIsSafe()
})

test('a server whose clock is an hour slow works all the same: it goes by the clock of the bucket', async () => {
  await using home = await testNamespace(kube)
  const slow =
    'const now=Date.now;const D=Date;globalThis.Date=class extends D{constructor(...a){a.length?super(...a):super(now()-36e5)}static now(){return now()-36e5}}'
  const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(slow)}` }
  await using late = startServer({ kubeconfigPath, namespace: home.name, env })
  await makeKeys(kube, home.name, s3)
  await makeS3Location(kube, home.name, { s3, prefix: 'late', spec: { default: true } })
  await locationSays(kube, home.name, { phase: 'Available' })
  await askForBackup(kube, home.name, { name: 'late', spec })
  const { status } = await ended(kube, Backups, { name: 'late', namespace: home.name })
  assert.equal(status?.phase, 'Completed', status?.failureReason)
  assert.ok(Date.now() - Date.parse(status?.startTimestamp ?? '') > 3_000_000, 'its clock was not slow')
  await late.end('SIGTERM')
})

test('a bucket that was deleted makes the location unavailable and takes no Backup away; with it everything is back', async () => {
  const path = join(s3.directory, s3.bucket)
  await rename(path, `${path}.away`)
  await locationSays(kube, namespace, { phase: 'Unavailable', message: /there is no such bucket/ })
  assert.equal((await outcome('homeless')).phase, 'FailedValidation')
  await new Promise((resolve) => setTimeout(resolve, 2500))
  assert.equal((await kube.get(Backups, 'first', { namespace })).status?.phase, 'Completed')
  await rename(`${path}.away`, path)
  await locationSays(kube, namespace, { phase: 'Available' })
  await assertFirstIsSafe()
  await backedUp('housed')
})

test('permissions that are taken away in the middle of an upload fail the backup with the reason; what they kept in the bucket goes with it later', async () => {
  let isDenied = false
  guard = ({ moment, method, path }) => {
    if (moment === 'arrived' && method === 'PUT' && path.includes('robbed-results.gz')) isDenied = true
    return isDenied && moment === 'arrived' && method !== 'GET' && method !== 'HEAD' ? denied : true
  }
  const { phase, failureReason = '' } = await outcome('robbed')
  assert.equal(phase, 'Failed')
  assert.match(failureReason, /cannot write backups\/robbed\/robbed-\S+ .*access denied: check the permissions/)
  assert.match(failureReason, /could not be deleted again: .*robbed\.tar\.gz/)
  assert.equal(await store.head(backupKey('robbed', 'metadata')), undefined)
  guard = () => true
  assert.equal(await deletion('robbed'), undefined)
  assert.deepEqual(await Array.fromAsync(store.list(backupPrefix('robbed'))), [])
  await backedUp('robbed')
  await assertFirstIsSafe()
})

test('a bucket whose certificate has changed is not trusted until the location names the new authority', async () => {
  const validity = longValidity(new Date())
  const issue = async (name: string) => {
    const authority = await createAuthority(name, validity)
    const pair = await createServingCertificate(authority, { commonName: 's3', hosts: ['127.0.0.1'], validity })
    return { ...pair, caCert: Buffer.from(authority.cert).toString('base64') }
  }
  const [old, renewed] = [await issue('Old authority'), await issue('New authority')]
  await using proxy = await tlsProxy(s3.endpoint, old)
  const place = (caCert: string) => ({ objectStorage: { bucket: s3.bucket, prefix: 'tls', caCert } })
  const name = 'secure'
  await makeS3Location(kube, namespace, { s3, name, endpoint: proxy.url, spec: { ...often, ...place(old.caCert) } })
  await locationSays(kube, namespace, { name, phase: 'Available' })
  assert.equal((await outcome('sealed', { storageLocation: name })).phase, 'Completed')
  proxy.present(renewed)
  await locationSays(kube, namespace, { name, phase: 'Unavailable', message: /certificate is not trusted .*caCert/ })
  assert.equal((await kube.get(Backups, 'sealed', { namespace })).status?.phase, 'Completed')
  await kube.patch(BackupStorageLocations, name, { merge: { spec: place(renewed.caCert) } }, { namespace })
  await locationSays(kube, namespace, { name, phase: 'Available' })
  assert.equal(await deletion('sealed'), undefined)
})

test('a negative time to live is refused, and nothing is written', async () => {
  const { phase, validationErrors } = await outcome('timeless', { ttl: '-1h' })
  assert.equal(phase, 'FailedValidation')
  assert.match(validationErrors.join(), /ttl -1h is negative/)
  assert.deepEqual(await Array.fromAsync(store.list(backupPrefix('timeless'))), [])
})

test('the deletion of a backup in progress is refused, and the backup comes to its end', async () => {
  const held = Promise.withResolvers<boolean>()
  const arrived = Promise.withResolvers<void>()
  guard = ({ moment, path }) => {
    if (moment !== 'arrived' || !path.includes('lengthy-manifest.json.gz')) return true
    arrived.resolve()
    return held.promise
  }
  await askForBackup(kube, namespace, { name: 'lengthy', spec })
  await arrived.promise
  assert.equal(await deletion('lengthy'), 'backup is still in progress')
  held.resolve(true)
  assert.equal((await ended(kube, Backups, { name: 'lengthy', namespace })).status?.phase, 'Completed')
  assert.deepEqual((await readBackup(store, 'lengthy')).verification.differences, [])
  assert.equal(await server.end('SIGTERM'), 0)
})

// What `kubectl get events` shows of the life of backups, restores, schedules and locations.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { BackupStorageLocations } from '#api/backup-storage-location.ts'
import { Backups } from '#api/backup.ts'
import { Restores } from '#api/restore.ts'
import { Schedules } from '#api/schedule.ts'
import type { KubeClient } from '#kube/client.ts'
import type { KubeObject } from '#kube/object.ts'
import { Events, eventRecorder, type CoreEvent } from '#runtime/event-recorder.ts'
import { scratchFolder } from '../support/cli.ts'
import { sharedCluster, testNamespace } from '../support/cluster.ts'
import { faultyApi } from '../support/faulty-api.ts'
import { ConfigMaps, make } from '../support/objects.ts'
import {
  askForBackup,
  askForRestore,
  ended,
  eventually,
  installKinds,
  letRestoresGo,
  makeLocation,
  startServer,
} from '../support/server.ts'

const { kube, kubeconfigPath } = await sharedCluster()
before(() => installKinds(kube))
after(() => kube.close())

async function eventsOf(namespace: string): Promise<CoreEvent[]> {
  return (await kube.list(Events, { namespace })).items
}

/** Of each event `Kind/name type reason message`, oldest first as far as seconds tell. */
async function told(namespace: string): Promise<string[]> {
  const events = await eventsOf(namespace)
  return events.map(
    ({ involvedObject: { kind, name }, type, reason, message }) => `${kind}/${name} ${type} ${reason}: ${message}`,
  )
}

test('backups, restores, schedules and locations have events, and each says what to know', async () => {
  await using home = await testNamespace(kube)
  await using folder = await scratchFolder()
  const namespace = home.name
  await using _finalizers = { [Symbol.asyncDispose]: () => letRestoresGo(kube, namespace) }
  await makeLocation(kube, namespace, { path: join(folder.path, 'store') })
  await makeLocation(kube, namespace, { name: 'lost', path: join(folder.path, 'no', 'such', 'folder') })
  await make(kube, Schedules, { name: 'often', namespace, spec: { schedule: '@every 2s', template: { ttl: '-1s' } } })
  await make(kube, Schedules, { name: 'wrong', namespace, spec: { schedule: 'every night', template: {} } })
  await askForBackup(kube, namespace, { name: 'good', spec: { includedNamespaces: [namespace] } })
  await using _server = startServer({ kubeconfigPath, namespace })
  await ended(kube, Backups, { name: 'good', namespace })
  await askForRestore(kube, namespace, { name: 'none', spec: { backupName: 'nothing' } })
  await ended(kube, Restores, { name: 'none', namespace })
  const wanted = [
    /^Backup\/good Normal Started: /,
    /^Backup\/good Normal Completed: \d+ objects backed up, 0 errors, 0 warnings$/,
    /^Restore\/none Warning FailedValidation: .*nothing/,
    /^BackupStorageLocation\/default Normal Available: /,
    /^BackupStorageLocation\/lost Warning Unavailable: there is no directory/,
    /^Schedule\/wrong Warning FailedValidation: /,
    /^Schedule\/often Normal BackupCreated: asked for backup often-\d+$/,
    /^Backup\/often-\d+ Warning FailedValidation: /,
  ]
  await eventually(async () => {
    const lines = await told(namespace)
    const missing = wanted.filter((pattern) => !lines.some((line) => pattern.test(line)))
    return missing.length === 0 ? true : undefined
  })
  await kube.delete(Schedules, 'often', { namespace })
  const [started] = (await eventsOf(namespace)).filter(({ involvedObject }) => involvedObject.name === 'good')
  const { uid } = (await kube.get(Backups, 'good', { namespace })).metadata
  assert.equal(started?.involvedObject.uid, uid, '`kubectl describe` looks for the uid')
  const { uid: locationUid } = (await kube.get(BackupStorageLocations, 'lost', { namespace })).metadata
  assert.ok((await eventsOf(namespace)).some(({ involvedObject }) => involvedObject.uid === locationUid))
})

const log = (lines: string[]) => ({
  debug() {},
  info() {},
  warn: (fields: object, message: string) => void lines.push(`${message} ${JSON.stringify(fields)}`),
  error() {},
})

async function recorded(
  client: KubeClient,
  object: KubeObject,
  messages: readonly string[],
): Promise<{ warnings: string[] }> {
  const warnings: string[] = []
  const options = { kube: client, component: 'lifeboat', instance: 'test', now: () => new Date() }
  await using recorder = eventRecorder({ ...options, log: log(warnings) })
  for (const message of messages) recorder.record(object, { type: 'Warning', reason: 'Tested', message })
  return { warnings }
}

test('what happens again is counted, in one event; one that is gone begins anew', async () => {
  await using home = await testNamespace(kube)
  const namespace = home.name
  const object = await make(kube, ConfigMaps, { name: 'a', namespace })
  await using recorder = eventRecorder({
    kube,
    component: 'lifeboat',
    instance: 'test',
    now: () => new Date(),
    log: log([]),
  })
  const happening = { type: 'Normal', reason: 'Tested', message: 'again' } as const
  for (let i = 0; i < 3; i += 1) recorder.record(object, happening)
  const [event] = await eventually(async () => {
    const events = await eventsOf(namespace)
    return events.some(({ count }) => count === 3) ? events : undefined
  })
  assert.equal((await eventsOf(namespace)).length, 1)
  assert.equal(event?.source.component, 'lifeboat')
  await kube.delete(Events, event.metadata.name, { namespace })
  recorder.record(object, happening)
  await eventually(async () => ((await eventsOf(namespace)).some(({ count }) => count === 1) ? true : undefined))
})

test('one object floods nobody, and the longest name and message fit', async () => {
  await using home = await testNamespace(kube)
  const namespace = home.name
  const name = `${'a'.repeat(235)}.${'b'.repeat(17)}`
  const object = await make(kube, ConfigMaps, { name, namespace })
  const messages = Array.from({ length: 60 }, (_, i) => `${i} ${'x'.repeat(3000)}`)
  const { warnings } = await recorded(kube, object, messages)
  assert.deepEqual(warnings, [])
  assert.equal((await eventsOf(namespace)).length, 25)
})

test('an API server that refuses events is asked no further, and nothing else happens', async () => {
  await using home = await testNamespace(kube)
  const namespace = home.name
  const object = await make(kube, ConfigMaps, { name: 'a', namespace })
  let asked = 0
  const status = { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason: 'Forbidden', code: 403, message: 'no' }
  await using api = await faultyApi(kubeconfigPath, (url) => {
    if (!url.pathname.endsWith('/events')) return undefined
    asked += 1
    return { status: 403, body: JSON.stringify(status) }
  })
  const { warnings } = await recorded(api.kube, object, ['one', 'two', 'three'])
  assert.equal(asked, 1)
  assert.equal(warnings.length, 1)
  assert.deepEqual(await eventsOf(namespace), [])
})

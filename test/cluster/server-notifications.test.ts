// Notifications as people get them: through a running server, to a webhook and a mail server of our own.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Backups, type BackupStatus } from '#api/backup.ts'
import { annotationKeys, labelKeys } from '#api/labels.ts'
import { Notifications, type Notification } from '#api/notification.ts'
import { Restores } from '#api/restore.ts'
import { Schedules } from '#api/schedule.ts'
import { clusterIdentity } from '#controllers/cluster-identity.ts'
import { loadKubeConfig } from '#kube/config.ts'
import { connect } from '#kube/connect.ts'
import { scratchFolder } from '../support/cli.ts'
import { sharedCluster, testNamespace } from '../support/cluster.ts'
import { make, Secrets } from '../support/objects.ts'
import { askForBackup, ended, eventually, installKinds, makeLocation } from '../support/server.ts'
import { startServerHere } from '../support/server-here.ts'
import { smtpServer } from '../support/smtp-server.ts'
import { apiTollgate } from '../support/tollgate.ts'
import { webhookServer } from '../support/webhook-server.ts'

const { kube, kubeconfigPath } = await sharedCluster()
before(() => installKinds(kube))
after(() => kube.close())

const HOUR = 3_600_000

function home(namespace: string) {
  const notification = (name: string): Promise<Notification> => kube.get(Notifications, name, { namespace })
  return {
    notification,
    ask: (name: string, spec: object) => make(kube, Notifications, { name, namespace, spec }),
    secret: (name: string, stringData: Record<string, string>) => make(kube, Secrets, { name, namespace, stringData }),
    /** A backup that has ended as if this cluster had made it. */
    over: async (name: string, status: BackupStatus, schedule?: string): Promise<void> => {
      const labels = schedule === undefined ? {} : { [labelKeys.scheduleName]: schedule }
      const identity = (await clusterIdentity(kube, new AbortController().signal)) ?? ''
      const annotations = schedule === undefined ? {} : { [annotationKeys.scheduledIn]: identity }
      await make(kube, Backups, { name, namespace, metadata: { labels, annotations }, spec: {}, status })
    },
    condition: async (name: string, type: string) =>
      (await notification(name)).status?.conditions?.find((one) => one.type === type),
  }
}

const soon = (seconds = 5): string => new Date(Date.now() + seconds * 1000).toISOString()

test('a failure is told once, with the reason, and so is the recovery; the status says what was sent', async () => {
  await using space = await testNamespace(kube)
  await using folder = await scratchFolder()
  await using hooks = await webhookServer()
  const namespace = space.name
  const { ask, secret, over, notification, condition } = home(namespace)
  await makeLocation(kube, namespace, { path: join(folder.path, 'store') })
  await secret('hook', { url: `${hooks.url}/T0/secret\n`, token: 'Bearer abc' })
  await over('old', { phase: 'Failed', completionTimestamp: '2020-01-01T00:00:00Z' })
  const webhook = { urlSecret: { name: 'hook', key: 'url' }, authorizationSecret: { name: 'hook', key: 'token' } }
  await ask('team', { clusterName: 'prod', webhook })
  await using _server = startServerHere({ kube, namespace, now: () => new Date() })
  await askForBackup(kube, namespace, { name: 'refused', spec: { ttl: '-1h' } })
  const first = await eventually(async () => hooks.hooks[0])
  assert.equal(first.path, '/T0/secret')
  assert.equal(first.headers.authorization, 'Bearer abc')
  const body = JSON.parse(first.body) as { title: string; news: { name: string; event: string; reason: string }[] }
  assert.equal(body.title, '[prod] Backup refused failed')
  assert.deepEqual(
    body.news.map(({ name, event }) => [name, event]),
    [['refused', 'Failed']],
  )
  assert.match(body.news[0]?.reason ?? '', /ttl/)
  await eventually(async () => ((await condition('team', 'Delivered'))?.status === 'True' ? true : undefined))
  assert.equal((await condition('team', 'Ready'))?.status, 'True')
  assert.equal((await notification('team')).status?.lastMessage, '[prod] Backup refused failed')

  await askForBackup(kube, namespace, { name: 'good', spec: { includedNamespaces: [namespace] } })
  await ended(kube, Backups, { name: 'good', namespace })
  await over('nightly-1', { phase: 'PartiallyFailed', errors: 3, completionTimestamp: soon(1) }, 'nightly')
  await eventually(async () => (hooks.hooks.length === 2 ? true : undefined))
  await over('nightly-2', { phase: 'Failed', failureReason: 'lost', completionTimestamp: soon(2) }, 'nightly')
  await over('nightly-3', { phase: 'Completed', completionTimestamp: soon(3) }, 'nightly')
  await eventually(async () => (hooks.hooks.length === 3 ? true : undefined))
  const titles = hooks.hooks.map((hook) => (JSON.parse(hook.body) as { title: string }).title)
  assert.deepEqual(titles.slice(1), [
    '[prod] Backup nightly-1 of schedule nightly ended with errors',
    '[prod] Schedule nightly is well again',
  ])
})

test('another process goes on where the last one stopped, and tells nothing again', async () => {
  await using space = await testNamespace(kube)
  await using hooks = await webhookServer()
  const namespace = space.name
  const { ask, over } = home(namespace)
  await ask('team', { webhook: { url: hooks.url, format: 'slack' } })
  await over('one', { phase: 'Failed', failureReason: 'lost', completionTimestamp: soon() })
  {
    await using _server = startServerHere({ kube, namespace, now: () => new Date() })
    await eventually(async () => (hooks.hooks.length === 1 ? true : undefined))
    // Noted on the Backup before the server goes.
    await eventually(async () => {
      const { annotations } = (await kube.get(Backups, 'one', { namespace })).metadata
      return annotations?.['notified.lifeboat.dev/team']
    })
  }
  await over('two', { phase: 'Failed', failureReason: 'lost too', completionTimestamp: soon() })
  await make(kube, Restores, {
    name: 'back',
    namespace,
    spec: { backupName: 'one' },
    status: { phase: 'Failed', failureReason: 'no such thing', completionTimestamp: soon() },
  })
  await using _next = startServerHere({ kube, namespace, now: () => new Date() })
  await eventually(async () => (hooks.hooks.length > 1 ? true : undefined))
  const { text } = JSON.parse(hooks.hooks[1]?.body ?? '') as { text: string }
  assert.match(text, /Restore back failed: no such thing/)
  assert.match(text, /Backup two failed: lost too/)
  assert.doesNotMatch(text, /one/)
})

test('mail that cannot be sent is tried again until it is, and the status says why meanwhile', async () => {
  await using space = await testNamespace(kube)
  let full = true
  await using server = await smtpServer({ isFull: () => full })
  const namespace = space.name
  const { ask, over, condition, notification } = home(namespace)
  const email = {
    host: '127.0.0.1',
    port: server.port,
    security: 'none',
    from: 'lifeboat@example.com',
    to: ['ops@example.com'],
  }
  await ask('ops', { events: ['Failed'], email })
  await over('one', { phase: 'Failed', failureReason: 'lost', completionTimestamp: soon() })
  await using _server = startServerHere({ kube, namespace, now: () => new Date() })
  const refused = await eventually(async () => {
    const delivered = await condition('ops', 'Delivered')
    return delivered?.status === 'False' ? delivered : undefined
  })
  assert.match(refused.message, /452 no room/)
  assert.match((await notification('ops')).status?.lastError ?? '', /452 no room/)
  full = false
  const letter = await eventually(async () => server.letters[0], 60)
  assert.deepEqual(letter.to, ['ops@example.com'])
  assert.match(letter.data, /^Subject: Backup one failed$/m)
  await eventually(async () => ((await condition('ops', 'Delivered'))?.status === 'True' ? true : undefined))
  assert.equal((await notification('ops')).status?.lastError, undefined)
  assert.equal(server.letters.length, 1)
})

test('a schedule without a good backup for too long is told of, though nothing has failed', async () => {
  await using space = await testNamespace(kube)
  await using hooks = await webhookServer()
  const namespace = space.name
  const { ask, notification } = home(namespace)
  await make(kube, Schedules, { name: 'yearly', namespace, spec: { schedule: '0 0 1 1 *', template: {} } })
  const template = '{"summary": "{{title}}", "kind": "{{events}}"}'
  await ask('team', { schedules: ['year*'], noGoodBackupFor: '26h', webhook: { url: hooks.url, template } })
  let now = new Date()
  await using _server = startServerHere({ kube, namespace, now: () => now })
  await eventually(async () => ((await notification('team')).status?.conditions !== undefined ? true : undefined))
  assert.deepEqual(hooks.hooks, [])
  now = new Date(now.getTime() + 27 * HOUR)
  const { body } = await eventually(async () => hooks.hooks[0])
  assert.deepEqual(JSON.parse(body), { summary: 'Schedule yearly has no good backup', kind: 'Overdue' })
  await eventually(async () => (await notification('team')).status?.overdue?.['yearly'])
})

test('a Notification that makes no sense says what is wrong, sends nothing, and works once it is mended', async () => {
  await using space = await testNamespace(kube)
  await using hooks = await webhookServer()
  const namespace = space.name
  const { ask, over, condition } = home(namespace)
  await ask('both', {
    webhook: { template: '{{ colour }}' },
    email: { host: 'mail', from: 'me', to: [] },
    noGoodBackupFor: 'long',
  })
  await ask('lost', { webhook: { urlSecret: { name: 'none', key: 'url' } } })
  await over('one', { phase: 'Failed', failureReason: 'lost', completionTimestamp: soon() })
  await using _server = startServerHere({ kube, namespace, now: () => new Date() })
  const ready = await eventually(() => condition('both', 'Ready'))
  assert.equal(ready.status, 'False')
  for (const word of [
    'exactly one of webhook and email',
    'noGoodBackupFor',
    'url and urlSecret',
    'colour',
    '"me" is no address',
    'names nobody',
  ]) {
    assert.ok(ready.message.includes(word), `${word}: ${ready.message}`)
  }
  const delivered = await eventually(() => condition('lost', 'Delivered'))
  assert.match(delivered.message, /Secret .*\/none: there is no such Secret/)
  const spec = { webhook: { url: hooks.url, template: null }, email: null, noGoodBackupFor: null }
  await kube.patch(Notifications, 'both', { merge: { spec } }, { namespace })
  await eventually(async () => (hooks.hooks.length === 1 ? true : undefined))
  await eventually(async () => ((await condition('both', 'Ready'))?.status === 'True' ? true : undefined))
})

test('looks for news ask the API server for no lists, however many Notifications there are', async () => {
  await using space = await testNamespace(kube)
  await using folder = await scratchFolder()
  await using hooks = await webhookServer()
  const namespace = space.name
  const { ask, over, condition } = home(namespace)
  let lists = 0
  await using gate = await apiTollgate(kubeconfigPath, folder.path, ({ moment, method, path }) => {
    if (moment === 'arrived' && method === 'GET' && /\/(backups|restores|schedules)\?limit=/.test(path)) lists += 1
    return true
  })
  const through = connect(await loadKubeConfig({ env: {}, home: '/', kubeconfig: gate.kubeconfigPath }))
  await using _connection = { [Symbol.asyncDispose]: () => through.close() }
  const names = ['one', 'two', 'three']
  for (const name of names) await ask(name, { webhook: { url: hooks.url } })
  await using server = startServerHere({
    kube: through,
    namespace,
    now: () => new Date(),
    config: { notificationPeriod: 50 },
  })
  for (const name of names) await eventually(() => condition(name, 'Ready'))
  const before = lists
  await over('lost', { phase: 'Failed', failureReason: 'lost', completionTimestamp: soon() })
  await eventually(async () => hooks.hooks.length === names.length || undefined)
  // Some twenty looks of each.
  await sleep(1000)
  assert.equal(lists, before)
  assert.equal(hooks.hooks.length, names.length)
  await server.stop()
})

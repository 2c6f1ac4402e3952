// A server that is killed again and again in the middle of backups, deletions, synchronisation and schedules; in the end all is as if it had not been.
// LIFEBOAT_KILL_SEED repeats the moments of an earlier run.
import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { after, before, test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Backups, type Backup } from '#api/backup.ts'
import { DeleteBackupRequests } from '#api/delete-backup-request.ts'
import { hasEnded } from '#api/phases.ts'
import { Schedules } from '#api/schedule.ts'
import { deletionRequest } from '#backup/deletion-request.ts'
import { Leases } from '#runtime/lease-step.ts'
import { deletePrefix } from '#store/delete-prefix.ts'
import { backupArtifacts, backupKey, backupPrefix, parseKey } from '#store/layout.ts'
import { openStore } from '#store/open.ts'
import type { ObjectStore } from '#store/store.ts'
import { readBackup } from '../support/backup-run.ts'
import { scratchFolder } from '../support/cli.ts'
import { sharedCluster, testNamespace } from '../support/cluster.ts'
import { ConfigMaps, make } from '../support/objects.ts'
import { locationSays, makeKeys, makeS3Location } from '../support/s3-location.ts'
import { s3Server } from '../support/s3-server.ts'
import { askForBackup, ended, eventually, installKinds, startServer } from '../support/server.ts'
import { putStoredBackup } from '../support/stored-backup.ts'
import { apiTollgate, tollgate, type Passage } from '../support/tollgate.ts'
import { isOf, killPlan, type Kill, type Work } from './kill-plan.ts'

const KILLS = 50
const seed = Number(process.env['LIFEBOAT_KILL_SEED'] ?? randomInt(2 ** 31))
/** How long a moment is waited for by a server that works; then it dies at whatever it is doing. */
const PATIENCE_MS = 3000
const schedule = 'tide'

const stack = new AsyncDisposableStack()
const { kube, kubeconfigPath } = await sharedCluster()
stack.defer(() => kube.close())
const { name: namespace } = stack.use(await testNamespace(kube))
const { name: shop } = stack.use(await testNamespace(kube))
const folder = stack.use(await scratchFolder())
const s3 = stack.use(await s3Server('versitygw'))
const store: ObjectStore = await openStore(s3.url.replace('/prefix?', '?'), { env: s3.env })
stack.defer(() => store.close())
const api = stack.use(await apiTollgate(kubeconfigPath, folder.path, guard))
const bucket = stack.use(await tollgate(s3.endpoint, guard))
after(() => stack.disposeAsync())

before(async () => {
  await installKinds(kube)
  await make(kube, ConfigMaps, { namespace: shop, name: 'prices', data: { apple: '1' } })
  await makeKeys(kube, namespace, s3)
  await makeS3Location(kube, namespace, { s3, endpoint: bucket.url })
})

let server: ReturnType<typeof startServer> | undefined
stack.defer(async () => void (await server?.end('SIGKILL')))

/** What the guards at both proxies look out for. Once the moment has come nothing passes any more until the server is dead. */
let armed: { work: Work; name: string; moment: Kill['moment']; left: number; reached: () => void } | undefined

async function guard(passage: Passage): Promise<boolean> {
  if (armed === undefined) return true
  if (armed.left === 0) return false
  if (passage.moment !== armed.moment || !isOf(armed, passage)) return true
  armed.left -= 1
  if (armed.left > 0) return true
  armed.reached()
  return false
}

/** Begins the work, kills the server at the moment, and starts the next one. False when the moment did not come. */
async function killDuring({ work, moment, nth }: Kill, name: string, begin: () => Promise<unknown>): Promise<boolean> {
  await server?.leads()
  const reached = Promise.withResolvers<boolean>()
  armed = { work, name, moment, left: nth, reached: () => reached.resolve(true) }
  await begin()
  const hit = await Promise.race([reached.promise, sleep(PATIENCE_MS, false)])
  await server?.end('SIGKILL')
  armed = undefined
  // Its successor need not wait for what nobody renews any more.
  await kube.delete(Leases, 'lifeboat-server', { namespace })
  server = serve()
  return hit
}

function serve(): ReturnType<typeof startServer> {
  return startServer({ kubeconfigPath: api.kubeconfigPath, namespace, args: ['--backup-sync-period', '1s'] })
}

const spec = { includedNamespaces: [shop], includedResources: ['configmaps'] }

/** What there has to be in the end. */
const expected = new Set<string>()

/** Something to do for each kind of work; gives the name of the backup that it is about. */
async function occasion(work: Work, number: number): Promise<{ name: string; begin: () => Promise<unknown> }> {
  const name = `${work}-${number}`
  switch (work) {
    case 'backup':
      expected.add(name)
      return { name, begin: () => askForBackup(kube, namespace, { name, spec }) }
    case 'deletion': {
      const [made = name] = [...expected].filter((one) => one.startsWith('backup-'))
      if (made === name) await askForBackup(kube, namespace, { name, spec })
      expected.delete(made)
      const backup = await ended(kube, Backups, { name: made, namespace, seconds: 60 })
      const request = deletionRequest(backup, 'x')
      return { name: made, begin: () => kube.create(DeleteBackupRequests, request, { namespace }) }
    }
    case 'sync': {
      const [gone] = [...expected].filter((one) => one.startsWith('sync-'))
      if (gone === undefined || number % 2 === 0) {
        expected.add(name)
        return { name, begin: () => putStoredBackup(store, name) }
      }
      expected.delete(gone)
      return { name: gone, begin: () => deletePrefix(store, backupPrefix(gone)) }
    }
    case 'schedule':
      return { name: schedule, begin: async () => undefined }
  }
}

async function allBackups(): Promise<Backup[]> {
  return (await Array.fromAsync(kube.pages(Backups, { namespace }), ({ items }) => items)).flat()
}

/** The artifacts of each folder in the store. */
async function stored(): Promise<Map<string, Set<string>>> {
  const folders = new Map<string, Set<string>>()
  for await (const { key } of store.list('')) {
    const known = parseKey(key)
    const name = key.split('/')[1] ?? ''
    folders.set(name, (folders.get(name) ?? new Set()).add(known?.artifact ?? key))
  }
  return folders
}

/** Everything of one of our backups; those of the other cluster consist of a marker. */
const whole = backupArtifacts.filter((artifact) => !artifact.startsWith('csi-'))

/** Whoever looks at the bucket now sees whole backups only. */
async function assertNothingHalf(context: string): Promise<void> {
  for (const [name, artifacts] of await stored()) {
    if (!artifacts.has('metadata') || name.startsWith('sync-')) continue
    const missing = whole.filter((artifact) => !artifacts.has(artifact))
    assert.deepEqual(missing, [], `${name} after ${context}`)
  }
}

test(`a server that is killed at ${KILLS} moments loses nothing, doubles nothing and leaves nothing behind`, async (t) => {
  t.diagnostic(`LIFEBOAT_KILL_SEED=${seed}`)
  server = serve()
  await locationSays(kube, namespace, { phase: 'Available' })
  await make(kube, Schedules, { namespace, name: schedule, spec: { schedule: '@every 2s', template: spec } })
  let hits = 0
  for (const [number, kill] of killPlan(KILLS, seed).entries()) {
    const { name, begin } = await occasion(kill.work, number)
    if (await killDuring(kill, name, begin)) hits += 1
    await assertNothingHalf(`kill ${number}, ${JSON.stringify(kill)} (seed ${seed})`)
  }
  t.diagnostic(`${hits} of ${KILLS} moments were met`)
  // The others died at some moment, too; on a slow machine they are more.
  assert.ok(hits >= KILLS / 5, `${hits} of ${KILLS} moments were met`)
  await kube.patch(Schedules, schedule, { merge: { spec: { paused: true } } }, { namespace })
  await untilSettled()
  await assertAllDone(t)
  assert.equal(await server.end('SIGTERM'), 0)
})

async function untilSettled(): Promise<void> {
  await eventually(async () => {
    const backups = await allBackups()
    const requests = await kube.list(DeleteBackupRequests, { namespace })
    if (requests.items.length > 0 || backups.some(({ status }) => !hasEnded(status?.phase))) return undefined
    const names = new Set(backups.map(({ metadata }) => metadata.name))
    const gone = [...names].filter((name) => name.startsWith('sync-') && !expected.has(name))
    return gone.length === 0 && [...expected].every((name) => names.has(name)) ? true : undefined
  }, 90)
}

async function assertAllDone(t: TestContext): Promise<void> {
  const backups = await allBackups()
  const names = backups.map(({ metadata }) => metadata.name).toSorted()
  const scheduled = backups.filter(({ metadata }) => metadata.name.startsWith(`${schedule}-`))
  await t.test('what was asked for is there, and what was deleted is not', () => {
    assert.deepEqual(
      backups
        .filter(({ status }) => status?.phase !== 'Completed')
        .map(({ metadata, status }) => [metadata.name, status]),
      [],
    )
    assert.deepEqual(
      names.filter((name) => !name.startsWith(`${schedule}-`)),
      [...expected].toSorted(),
    )
  })
  await t.test('no time of the schedule has two backups', () => {
    const times = scheduled.map(({ metadata }) => metadata.annotations?.['lifeboat.dev/due'] ?? '').toSorted()
    assert.ok(times.length > 5, `${times.length} scheduled backups`)
    for (const [at, time] of times.slice(1).entries()) {
      assert.ok(Date.parse(time) - Date.parse(times[at] ?? '') >= 2000, `${times[at]} and ${time}`)
    }
  })
  await t.test('the bucket holds these backups, whole, and nothing else', async () => {
    const folders = await stored()
    assert.deepEqual([...folders.keys()].toSorted(), names)
    for (const name of names.filter((one) => !one.startsWith('sync-'))) {
      assert.deepEqual([...(folders.get(name) ?? [])].toSorted(), whole.toSorted(), name)
      assert.deepEqual((await readBackup(store, name)).verification.differences, [], name)
      assert.ok(await store.head(backupKey(name, 'contents')))
    }
  })
}

// A server that is killed again and again in the middle of backups, deletions, synchronisation and schedules; in the end all is as if it had not been.
// Each time it dies at a request that is named (before the first PUT of the archive, say) and begins at rest, so that a seed says what is done.
// LIFEBOAT_SEED repeats an earlier run, whose seed a failure tells.
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
import { backupKey, backupPrefix, parseKey } from '#store/layout.ts'
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
import { callOf, killInWords, killPlan, wholeBackup, type Kill, type Work } from './kill-plan.ts'

const KILLS = 50
const seed = Number(process.env['LIFEBOAT_SEED'] ?? randomInt(2 ** 31))
/** Each moment comes; a machine may be slow. */
const PATIENCE_MS = 60_000
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
let armed: { call: string; about: RegExp; moment: Kill['moment']; left: number; reached: () => void } | undefined

async function guard(passage: Passage): Promise<boolean> {
  if (armed === undefined) return true
  if (armed.left === 0) return false
  if (passage.moment !== armed.moment || callOf(passage, armed.about) !== armed.call) return true
  armed.left -= 1
  if (armed.left > 0) return true
  armed.reached()
  return false
}

/** Begins the work, kills the server at the moment, and starts the next one. */
async function killDuring({ moment, call, nth }: Kill, { about, begin }: Occasion): Promise<void> {
  const reached = Promise.withResolvers<void>()
  armed = { call, about, moment, left: nth, reached: reached.resolve }
  await begin()
  await Promise.race([
    reached.promise,
    sleep(PATIENCE_MS, undefined, { ref: false }).then(() => assert.fail('there never was such a moment')),
  ])
  await server?.end('SIGKILL')
  armed = undefined
  await assertNothingHalf()
  // Its successor need not wait for what nobody renews any more.
  await kube.delete(Leases, 'lifeboat-server', { namespace })
  server = serve()
}

function serve(): ReturnType<typeof startServer> {
  return startServer({ kubeconfigPath: api.kubeconfigPath, namespace, args: ['--backup-sync-period', '300ms'] })
}

const spec = { includedNamespaces: [shop], includedResources: ['configmaps'] }

/** What there has to be in the end. */
const expected = new Set<string>()

/** Something to do. */
interface Occasion {
  /** Fits the name of the backup that it is about. */
  readonly about: RegExp
  readonly begin: () => Promise<unknown>
  /** Once it has come to its end. */
  readonly tidy?: () => Promise<unknown>
}

/** Something to do for each kind of work, with what it needs. */
async function occasion(work: Work, number: number): Promise<Occasion> {
  const name = `${work}-${number}`
  const there = (kind: Work): string | undefined => [...expected].find((one) => one.startsWith(`${kind}-`))
  switch (work) {
    case 'backup':
      expected.add(name)
      return { about: named(name), begin: () => askForBackup(kube, namespace, { name, spec }) }
    case 'deletion': {
      const made = there('backup') ?? name
      if (made === name) await askForBackup(kube, namespace, { name, spec })
      expected.delete(made)
      const backup = await ended(kube, Backups, { name: made, namespace, seconds: 60 })
      const request = deletionRequest(backup, 'x')
      return { about: named(made), begin: () => kube.create(DeleteBackupRequests, request, { namespace }) }
    }
    case 'import':
      expected.add(name)
      return { about: named(name), begin: () => putStoredBackup(store, name) }
    case 'removal': {
      const gone = there('import') ?? name
      if (gone === name) await putStoredBackup(store, name)
      expected.delete(gone)
      await eventually(() => kube.find(Backups, gone, { namespace }))
      return { about: named(gone), begin: () => deletePrefix(store, backupPrefix(gone)) }
    }
    case 'schedule': {
      const before = new Set((await allBackups()).map(({ metadata }) => metadata.name))
      return { about: /tide-\d+/g, begin: () => pauseSchedule(false), tidy: () => untilMadeAfter(before) }
    }
  }
}

/** `backup-1`, but not in `backup-10`. */
const named = (name: string): RegExp => new RegExp(`${name}(?!\\d)`, 'g')

async function pauseSchedule(paused: boolean): Promise<void> {
  await kube.patch(Schedules, schedule, { merge: { spec: { paused } } }, { namespace })
}

/** Until the schedule has made a backup that was not there `before`, and knows it. Then it rests. */
async function untilMadeAfter(before: ReadonlySet<string>): Promise<void> {
  await eventually(async () => {
    const made = (await allBackups()).find(
      ({ metadata, status }) =>
        metadata.name.startsWith(`${schedule}-`) && !before.has(metadata.name) && hasEnded(status?.phase),
    )
    const { status } = await kube.get(Schedules, schedule, { namespace })
    return made !== undefined && (status?.lastBackup ?? '') >= (made.metadata.creationTimestamp ?? '')
      ? true
      : undefined
  }, 60)
  await pauseSchedule(true)
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

/** Whoever looks at the bucket now sees whole backups only. Those of the other cluster consist of a marker. */
async function assertNothingHalf(): Promise<void> {
  for (const [name, artifacts] of await stored()) {
    if (!artifacts.has('metadata') || isForeign(name)) continue
    const missing = wholeBackup.filter((artifact) => !artifacts.has(artifact))
    assert.deepEqual(missing, [], name)
  }
}

const isForeign = (name: string): boolean => name.startsWith('import-') || name.startsWith('removal-')

test(`a server that is killed at ${KILLS} moments loses nothing, doubles nothing and leaves nothing behind`, async (t) => {
  t.diagnostic(`LIFEBOAT_SEED=${seed}`)
  server = serve()
  await locationSays(kube, namespace, { phase: 'Available' })
  const template = { schedule: '@every 1s', paused: true, template: spec }
  await make(kube, Schedules, { namespace, name: schedule, spec: template })
  const plan = killPlan(KILLS, seed)
  for (const [number, kill] of plan.entries()) {
    try {
      const work = await occasion(kill.work, number)
      await killDuring(kill, work)
      await server.leads()
      await work.tidy?.()
      await untilSettled()
    } catch (cause) {
      const again = `LIFEBOAT_SEED=${seed} npm run test:cluster -- test/faults/server-killed.test.ts`
      const what = cause instanceof Error ? cause.message : String(cause)
      throw new Error(`kill ${number} (${killInWords(kill)}): ${what}\nagain: ${again}`, { cause })
    }
  }
  await assertAllDone(t, { scheduled: plan.filter(({ work }) => work === 'schedule').length })
  assert.equal(await server.end('SIGTERM'), 0)
})

async function untilSettled(): Promise<void> {
  await eventually(async () => {
    const backups = await allBackups()
    const requests = await kube.list(DeleteBackupRequests, { namespace })
    if (requests.items.length > 0 || backups.some(({ status }) => !hasEnded(status?.phase))) return undefined
    const names = new Set(backups.map(({ metadata }) => metadata.name))
    const gone = [...names].filter((name) => isForeign(name) && !expected.has(name))
    return gone.length === 0 && [...expected].every((name) => names.has(name)) ? true : undefined
  }, 90)
}

async function assertAllDone(t: TestContext, kills: { scheduled: number }): Promise<void> {
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
    assert.ok(times.length >= kills.scheduled, `${times.length} scheduled backups`)
    for (const [at, time] of times.slice(1).entries()) {
      assert.ok(Date.parse(time) - Date.parse(times[at] ?? '') >= 1000, `${times[at]} and ${time}`)
    }
  })
  await t.test('the bucket holds these backups, whole, and nothing else', async () => {
    const folders = await stored()
    assert.deepEqual([...folders.keys()].toSorted(), names)
    for (const name of names.filter((one) => !isForeign(one))) {
      assert.deepEqual([...(folders.get(name) ?? [])].toSorted(), wholeBackup.toSorted(), name)
      assert.deepEqual((await readBackup(store, name)).verification.differences, [], name)
      assert.ok(await store.head(backupKey(name, 'contents')))
    }
  })
}

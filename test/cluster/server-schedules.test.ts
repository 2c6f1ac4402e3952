// Schedules in front of the real server, whose clock the tests set.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { Backups, type Backup } from '#api/backup.ts'
import { Schedules, type Schedule, type ScheduleSpec } from '#api/schedule.ts'
import { timestamp } from '#api/timestamp.ts'
import { scheduledName } from '#backup/from-schedule.ts'
import { clusterIdentity } from '#controllers/cluster-identity.ts'
import { backupLedger } from '#controllers/backup-ledger.ts'
import { scheduleLedger } from '#controllers/schedule-ledger.ts'
import { scheduleController } from '#controllers/schedule-controller.ts'
import { nameTimes } from '#controllers/schedule-step.ts'
import { runController, type Controller } from '#runtime/controller.ts'
import { nextTime, parseCron } from '#schedule/cron.ts'
import { scratchFolder } from '../support/cli.ts'
import { sharedCluster, testNamespace } from '../support/cluster.ts'
import { make } from '../support/objects.ts'
import { startServerHere } from '../support/server-here.ts'
import { ended, eventually, installKinds, makeLocation } from '../support/server.ts'

const { kube } = await sharedCluster()
before(() => installKinds(kube))
after(() => kube.close())

const log = { debug() {}, info() {}, warn() {}, error() {} }

interface SchedulesOfNamespace {
  readonly ask: (name: string, spec: Partial<ScheduleSpec>, metadata?: object) => Promise<Schedule>
  readonly get: (name: string) => Promise<Schedule>
  /** Has `name` looked at again; resolves when two that came after it have been looked at: what is there by then, or comes, is waited for. */
  readonly settled: (name?: string) => Promise<void>
  readonly backups: () => Promise<Backup[]>
}

function schedulesIn(namespace: string): SchedulesOfNamespace {
  let looks = 0
  const get = (name: string): Promise<Schedule> => kube.get(Schedules, name, { namespace })
  const ask = async (name: string, spec: Partial<ScheduleSpec>, metadata: object = {}): Promise<Schedule> => {
    const whole = { schedule: '0 3 * * *', template: { includedNamespaces: [namespace] }, ...spec }
    return (await make(kube, Schedules, { name, namespace, metadata, spec: whole })) as Schedule
  }
  return {
    ask,
    get,
    settled: async (name) => {
      looks += 1
      const look = { metadata: { annotations: { look: String(looks) } } }
      if (name !== undefined) await kube.patch(Schedules, name, { merge: look }, { namespace })
      // The last ones, by the clock and by the alphabet: a server that starts meanwhile takes them in that order.
      for (const probe of [`zz-${looks}-a`, `zz-${looks}-b`]) {
        await ask(probe, { paused: true })
        await eventually(async () => ((await get(probe)).status?.phase === 'Enabled' ? true : undefined))
        await kube.delete(Schedules, probe, { namespace })
      }
    },
    backups: async () => (await kube.list(Backups, { namespace })).items,
  }
}

const cluster = (await clusterIdentity(kube, AbortSignal.timeout(10_000))) ?? assert.fail()

/** The name of the backup of `schedule` that was due at `due`. */
function nameOf(schedule: string, due: Date): string {
  return scheduledName(schedule, nameTimes(schedule, due, cluster)[0] ?? due)
}

/** As `assert.deepEqual`, once it is so. */
async function becomes<T>(ask: () => Promise<T>, expected: T): Promise<void> {
  await eventually(async () => isDeepStrictEqual(await ask(), expected) || undefined).catch(() => undefined)
  assert.deepEqual(await ask(), expected)
}

const names = (backups: readonly Backup[]): string[] => backups.map(({ metadata }) => metadata.name).toSorted()

test('a schedule makes one backup each time it is due, with all that its template says, and one for all it missed', async () => {
  await using home = await testNamespace(kube)
  await using folder = await scratchFolder()
  const namespace = home.name
  const { ask, get, settled, backups } = schedulesIn(namespace)
  await makeLocation(kube, namespace, { path: join(folder.path, 'store') })
  const metadata = { labels: { crew: 'night' }, annotations: { note: 'x' } }
  const template = { includedNamespaces: [namespace], ttl: '240h0m0s' }
  const asked = await ask('tide', { template, useOwnerReferencesInBackup: true }, metadata)
  const cron = parseCron('0 3 * * *')
  const due = nextTime(cron, new Date(asked.metadata.creationTimestamp ?? '')) ?? assert.fail()
  let now = new Date(due.getTime() - 1000)
  await using first = startServerHere({ kube, namespace, now: () => now })
  await settled('tide')
  await becomes(async () => (await get('tide')).status?.phase, 'Enabled')
  assert.deepEqual(names(await backups()), [], 'a second too early')

  now = new Date(due.getTime() + 2000)
  await settled('tide')
  await settled('tide')
  await becomes(async () => names(await backups()), [nameOf('tide', due)])
  const made = await ended(kube, Backups, { name: nameOf('tide', due), namespace })
  assert.equal(made.status?.phase, 'Completed', JSON.stringify(made.status))
  assert.equal(made.metadata.labels?.['velero.io/schedule-name'], 'tide')
  assert.equal(made.metadata.labels?.['crew'], 'night')
  assert.equal(made.metadata.annotations?.['note'], 'x')
  assert.equal(made.metadata.annotations?.['lifeboat.dev/due'], timestamp(due))
  assert.equal(made.metadata.annotations?.['lifeboat.dev/scheduled-in'], cluster)
  assert.equal(made.spec.ttl, '240h0m0s')
  assert.deepEqual(
    made.metadata.ownerReferences?.map(({ kind, name, controller }) => [kind, name, controller]),
    [['Schedule', 'tide', true]],
  )
  await becomes(async () => (await get('tide')).status?.lastBackup, timestamp(now))

  // Three nights without a server.
  await first.stop()
  now = new Date(due.getTime() + 80 * 3600 * 1000)
  await using second = startServerHere({ kube, namespace, now: () => now })
  const last = new Date(due.getTime() + 72 * 3600 * 1000)
  await eventually(async () => (await backups()).length === 2 || undefined)
  const late = await ended(kube, Backups, { name: nameOf('tide', last), namespace })
  assert.equal(late.status?.phase, 'Completed')
  await settled('tide')
  assert.equal((await backups()).length, 2)
  await second.stop()
})

test('a server that died before it could note the backup meets it again instead of making a second one', async () => {
  await using home = await testNamespace(kube)
  const namespace = home.name
  const { ask, get, settled, backups } = schedulesIn(namespace)
  const { metadata } = await ask('tide', { schedule: '@hourly' })
  const due = nextTime(parseCron('@hourly'), new Date(metadata.creationTimestamp ?? '')) ?? assert.fail()
  const now = new Date(due.getTime() + 30_000)
  const annotations = { 'lifeboat.dev/due': timestamp(due), 'lifeboat.dev/scheduled-in': cluster }
  const asked = { name: nameOf('tide', due), namespace, metadata: { annotations } }
  await make(kube, Backups, { ...asked, spec: {}, status: { phase: 'Completed' } })
  await using _server = startServerHere({ kube, namespace, now: () => now })
  await eventually(async () => ((await get('tide')).status?.lastBackup === timestamp(now) ? true : undefined))
  await settled('tide')
  assert.equal((await backups()).length, 1)
})

test('a name that another cluster gave to its backup, or somebody by hand, keeps no backup from being made', async () => {
  await using home = await testNamespace(kube)
  const namespace = home.name
  const { ask, get, backups } = schedulesIn(namespace)
  const { metadata } = await ask('tide', { schedule: '@hourly' })
  const due = nextTime(parseCron('@hourly'), new Date(metadata.creationTimestamp ?? '')) ?? assert.fail()
  const [first, second, third] = nameTimes('tide', due, cluster).map((time) => scheduledName('tide', time))
  const annotations = { 'lifeboat.dev/due': timestamp(due), 'lifeboat.dev/scheduled-in': 'another' }
  const ended = { spec: {}, status: { phase: 'Completed' } }
  await make(kube, Backups, { name: first ?? '', namespace, metadata: { annotations }, ...ended })
  await make(kube, Backups, { name: second ?? '', namespace, ...ended })
  await using _server = startServerHere({ kube, namespace, now: () => due })
  await eventually(async () => ((await get('tide')).status?.lastBackup === timestamp(due) ? true : undefined))
  assert.deepEqual(names(await backups()), [first, second, third].toSorted())
})

test('no backup comes while one of the same schedule has not ended, in the queue or at work; then the one due last', async () => {
  await using home = await testNamespace(kube)
  const namespace = home.name
  const { ask, settled, backups } = schedulesIn(namespace)
  const { metadata } = await ask('tide', { schedule: '@hourly' })
  const due = nextTime(parseCron('@hourly'), new Date(metadata.creationTimestamp ?? '')) ?? assert.fail()
  let now = due
  // Only this controller: nobody works on the backups.
  const end = new AbortController()
  const deaf = { onSeen() {}, onGone() {}, onRefused() {}, onFired() {} }
  const known = backupLedger()
  const ledger = scheduleLedger()
  const controller = scheduleController({ skipByDefault: false, cluster: undefined, ledger, known, ...deaf })
  const idle: Controller<Backup> = {
    name: 'idle',
    type: Backups,
    ledger: known,
    concerns: () => false,
    reconcile: async () => undefined,
  }
  const environment = { kube, namespace, now: () => now, signal: end.signal, log }
  const running = Promise.all([runController(controller, environment), runController(idle, environment)])
  const phaseKnown = async (phase: string): Promise<unknown> =>
    await eventually(async () => (await known.all(environment)).some((one) => one.phase === phase) || undefined)
  try {
    const [one, two] = [due, new Date(due.getTime() + 7_200_000)].map((time) => scheduledName('tide', time))
    await eventually(async () => (await backups()).length === 1 || undefined)
    assert.deepEqual(names(await backups()), [one])
    now = new Date(due.getTime() + 7_200_000 + 60_000)
    for (const phase of ['New', 'Queued', 'ReadyToStart', 'InProgress']) {
      await kube.patch(Backups, one ?? '', { merge: { status: { phase } } }, { namespace })
      await phaseKnown(phase)
      await settled('tide')
      assert.deepEqual(names(await backups()), [one], phase)
    }
    await kube.patch(Backups, one ?? '', { merge: { status: { phase: 'PartiallyFailed' } } }, { namespace })
    await phaseKnown('PartiallyFailed')
    await settled('tide')
    await becomes(async () => names(await backups()), [one, two])
  } finally {
    end.abort()
    await running
  }
})

test('a schedule that cannot be is refused with the reason and comes to life when it is mended; a paused one rests', async () => {
  await using home = await testNamespace(kube)
  const namespace = home.name
  const { ask, get, settled, backups } = schedulesIn(namespace)
  let now = new Date()
  await ask('odd', { schedule: '0 3 * *' })
  await ask('ttl', { template: { ttl: 'a week' } })
  await ask('idle', { schedule: '* * * * *', paused: true })
  await ask('skips', { schedule: '* * * * *', skipImmediately: true })
  now = new Date(now.getTime() + 3_600_000)
  await using _server = startServerHere({ kube, namespace, now: () => now })
  await settled()
  for (const [name, reason] of [
    ['odd', /invalid schedule: "0 3 \* \*" has 4 fields, but five are needed/],
    ['ttl', /spec\.template\.ttl: expected a duration/],
  ] as const) {
    await becomes(async () => (await get(name)).status?.phase, 'FailedValidation')
    const { status } = await get(name)
    assert.match((status?.validationErrors ?? []).join(), reason)
  }
  await becomes(async () => (await get('skips')).status?.lastSkipped, timestamp(now))
  const skipped = await get('skips')
  assert.equal(skipped.spec.skipImmediately, false)
  assert.deepEqual(names(await backups()), [])

  const mended = { spec: { schedule: '0 3 * * *' } }
  await kube.patch(Schedules, 'odd', { merge: mended }, { namespace })
  await settled('odd')
  await becomes(async () => (await get('odd')).status?.phase, 'Enabled')
  const { status } = await get('odd')
  assert.equal(status?.validationErrors ?? undefined, undefined)
  // What was missed while it rested is made up for at once, by one backup.
  await kube.patch(Schedules, 'idle', { merge: { spec: { paused: false } } }, { namespace })
  await settled('idle')
  await becomes(async () => names(await backups()).filter((name) => name.startsWith('idle-')).length, 1)
})

// The commands on schedules, as a person uses them.
import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import type { Schedule } from '#api/schedule.ts'
import { Schedules } from '#api/schedule.ts'
import { Backups } from '#api/backup.ts'
import { clusterIdentity } from '#controllers/cluster-identity.ts'
import { cli, type CliResult } from '../support/cli.ts'
import { sharedCluster, testNamespace } from '../support/cluster.ts'
import { make } from '../support/objects.ts'
import { installKinds } from '../support/server.ts'

const { kube, kubeconfigPath } = await sharedCluster()
const home = await testNamespace(kube)
const namespace = home.name
const env = { KUBECONFIG: kubeconfigPath, VELERO_NAMESPACE: namespace }
const run = (...args: string[]): Promise<CliResult> => cli(args, { env })
before(() => installKinds(kube))
after(async () => {
  await home[Symbol.asyncDispose]()
  await kube.close()
})

async function said(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(...args)
  assert.equal(code, 0, stderr)
  return stdout
}

test('schedules are made, listed, described, paused, unpaused and deleted', async () => {
  const what = ['--include-namespaces', 'orchard', '--selector', 'app=web', '--ttl', '24h']
  const how = ['--labels', 'crew=night', '--annotations', 'a=b', '--use-owner-references-in-backup']
  const cron = 'CRON_TZ=Europe/Berlin 30 2 * * *'
  const made = await said('schedule', 'create', 'tide', '--schedule', cron, ...what, ...how, '--skip-immediately=false')
  assert.match(
    made,
    /^Schedule "tide" created successfully\.\nNext backup: \d{4}-\d\d-\d\dT\d\d:30:00Z \(in \d+[smhd]\)/,
  )
  const { metadata, spec } = await kube.get(Schedules, 'tide', { namespace })
  assert.deepEqual(metadata.labels, { crew: 'night' })
  assert.deepEqual(metadata.annotations, { a: 'b' })
  assert.deepEqual(spec, {
    schedule: 'CRON_TZ=Europe/Berlin 30 2 * * *',
    skipImmediately: false,
    useOwnerReferencesInBackup: true,
    template: { includedNamespaces: ['orchard'], ttl: '24h', labelSelector: { matchLabels: { app: 'web' } } },
  })
  await said('create', 'schedule', 'hourly', '--schedule', '@hourly', '--paused')

  const listed = await said('get', 'schedules')
  assert.match(listed, /^NAME +STATUS +CREATED +SCHEDULE +BACKUP TTL +LAST BACKUP +SELECTOR +PAUSED$/m)
  assert.match(listed, /^hourly +New +20\S+Z +@hourly +0s +n\/a +<none> +true$/m)
  assert.match(listed, /^tide +New +20\S+Z +CRON_TZ=Europe\/Berlin 30 2 \* \* \* +24h +n\/a +app=web +false$/m)
  assert.match(await said('schedule', 'get', '-o', 'wide'), /NEXT BACKUP .*\n(hourly .*<paused> .*\ntide .*\(in )/)
  assert.doesNotMatch(await said('schedule', 'get', '-l', 'crew=night'), /hourly/)
  assert.equal((JSON.parse(await said('schedule', 'get', 'tide', '-o', 'json')) as Schedule).metadata.name, 'tide')

  const described = await said('schedule', 'describe', 'tide')
  for (const line of [
    /^Labels: +crew=night$/m,
    /^Paused: +false$/m,
    /^Schedule: +CRON_TZ=Europe\/Berlin 30 2 \* \* \*$/m,
    /^Backup Template:\n {2}Namespaces:\n {4}Included: +orchard$/m,
    /^ {2}TTL: +24h0m0s$/m,
    /^Last Backup: +<never>$/m,
    /^Next Backup: +20.*\(in /m,
  ])
    assert.match(described, line)

  assert.equal(await said('schedule', 'pause', 'tide'), 'Schedule tide paused successfully\n')
  const paused = (await kube.get(Schedules, 'tide', { namespace })).spec
  assert.equal(paused.paused, true)
  assert.equal(paused.skipImmediately, undefined)
  assert.match(await said('schedule', 'pause', '--all'), /hourly is paused already.*\n.*tide is paused already/)
  assert.match(
    await said('schedule', 'unpause', '-l', 'crew=night', '--skip-immediately'),
    /^Schedule tide unpaused successfully, next backup: /,
  )
  assert.equal((await kube.get(Schedules, 'tide', { namespace })).spec.skipImmediately, true)

  const unsure = await run('schedule', 'delete', 'tide')
  assert.equal(unsure.code, 1)
  assert.match(unsure.stderr, /nothing was deleted: add --confirm/)
  assert.equal(await said('delete', 'schedules', 'tide', '--confirm'), 'Schedule deleted: tide\n')
  assert.equal(await said('schedule', 'delete', '--all', '--confirm'), 'Schedule deleted: hourly\n')
  assert.match((await run('schedule', 'get')).stderr, /^No schedules in namespace .*: lifeboat schedule create/)
})

test('the retention of a schedule is shown with reasons and times, tried out, and set', async () => {
  const cluster = (await clusterIdentity(kube, AbortSignal.timeout(10_000))) ?? assert.fail()
  const made = await said('schedule', 'create', 'kept', '--schedule', '@daily', '--retention', 'keep-daily=2,last=1')
  assert.match(made, /created successfully/)
  const rulesNow = async (): Promise<string | undefined> =>
    (await kube.get(Schedules, 'kept', { namespace })).metadata.annotations?.['lifeboat.dev/retention']
  assert.equal(await rulesNow(), 'keep-last=1,daily=2')
  assert.match(await said('schedule', 'describe', 'kept'), /^Retention: +keep-last=1,daily=2$/m)
  assert.match(
    await said('schedule', 'retention', 'kept'),
    /days, weeks and months of UTC\)\nIt has made no backups yet/,
  )

  const expiration = '2026-02-01T00:00:00Z'
  for (const [day, phase] of ['Completed', 'Completed', 'PartiallyFailed', 'Completed', 'Failed'].entries()) {
    const annotations = { 'lifeboat.dev/scheduled-in': cluster, 'lifeboat.dev/retention': 'daily=2' }
    await make(kube, Backups, {
      namespace,
      name: `kept-2026010${day + 1}000000`,
      metadata: { annotations, labels: { 'velero.io/schedule-name': 'kept' } },
      spec: {},
      status: { phase, startTimestamp: `2026-01-0${day + 1}T00:00:00Z`, expiration },
    })
  }
  const shown = await said('schedule', 'retention', 'kept', '--preview')
  for (const line of [
    /^BACKUP +TAKEN +STATUS +KEPT +WHY +GOES$/m,
    /^kept-20260105000000 +2026-01-05T00:00:00Z +Failed +no +its time to live is over +now$/m,
    /^kept-20260104000000 +.* +Completed +yes +last 1\/1, daily 1\/2 \(2026-01-04\), newest, newest complete +20\S+Z$/m,
    /^kept-20260103000000 +.* +PartiallyFailed +yes +daily 2\/2 \(2026-01-03\) +20\S+T00:00:00Z$/m,
    /^kept-20260102000000 +.* +Completed +no +no rule keeps it +now$/m,
    /^2 backups kept; 3 would go when the server looks next\.$/m,
  ])
    assert.match(shown, line)
  assert.match(await said('backup', 'get'), /^kept-20260104000000 +Completed .* by rules /m)

  const tried = await said('schedule', 'retention', 'kept', '--rules', 'last=4', '--preview', '-o', 'json')
  const view = JSON.parse(tried) as { rules: string; backups: { backup: string; kept: boolean; why: string[] }[] }
  assert.equal(view.rules, 'keep-last=4')
  assert.equal(view.backups.filter(({ kept }) => kept).length, 4)
  assert.deepEqual(view.backups[1]?.why, ['last 1/4', 'newest', 'newest complete'])
  assert.equal(await rulesNow(), 'keep-last=1,daily=2')

  const set = await run('schedule', 'retention', 'kept', '--rules', 'last=4')
  assert.match(set.stderr, /Rules of schedule kept set\./)
  assert.equal(await rulesNow(), 'keep-last=4')
  assert.match((await run('schedule', 'retention', 'kept', '--rules', 'none')).stdout, /no rules: the time to live/)
  assert.equal(await rulesNow(), undefined)
})

test('-o prints what would be made and sends nothing', async () => {
  const printed = await said('schedule', 'create', 'dry', '--schedule', '@daily', '-o', 'yaml')
  assert.match(printed, /^kind: Schedule$/m)
  assert.match(printed, /^ {2}schedule: "@daily"$/m)
  assert.equal(await kube.find(Schedules, 'dry', { namespace }), undefined)
})

suite('a command on schedules is refused with what is wrong and what to do,', () => {
  const create = ['schedule', 'create', 'x', '--schedule']
  for (const [what, args, message, code] of [
    ['without a cron', ['schedule', 'create', 'x'], /--schedule is needed/, 2],
    ['with a cron of four fields', [...create, '0 3 * *'], /has 4 fields, but five are needed/, 2],
    ['with a date that never comes', [...create, '0 0 30 feb *'], /never comes/, 2],
    ['with an unknown time zone', [...create, 'CRON_TZ=Mars/Base 0 0 * * *'], /"Mars\/Base" is no time zone/, 2],
    ['with two kinds of selectors', [...create, '@daily', '-l', 'a=b', '--or-selector', 'c=d'], /use either/, 2],
    ['with a name that is none', ['schedule', 'create', 'A b', '--schedule', '@daily'], /A b/, 1],
    ['on a store', ['--store', '/tmp', 'schedule', 'get'], /a store has no schedules.*leave out --store/, 2],
    ['with rules that are none', [...create, '@daily', '--retention', 'nightly=3'], /invalid retention.*is no rule/, 2],
    ['with rules that keep nothing', ['schedule', 'retention', 'x', '--rules', 'daily=0'], /keep nothing/, 2],
    ['that chooses nothing', ['schedule', 'pause'], /names, --all, or --selector/, 2],
    ['that chooses twice', ['schedule', 'delete', 'a', '--all'], /exactly one of them/, 2],
    ['about one that is not there', ['schedule', 'describe', 'gone'], /no schedule "gone" in namespace/, 1],
  ] as const) {
    test(what, async () => {
      const result = await run(...args)
      assert.match(result.stderr, message)
      assert.equal(result.code, code, result.stderr)
      assert.doesNotMatch(result.stderr, /bug in Lifeboat/)
    })
  }

  test('where the environment names a store', async () => {
    const { code, stderr } = await cli(['schedule', 'get'], { env: { ...env, LIFEBOAT_STORE: '/tmp' } })
    assert.match(stderr, /a store has no schedules.*unset LIFEBOAT_STORE/)
    assert.equal(code, 2)
  })
})

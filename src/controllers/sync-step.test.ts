import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { backupPhases } from '#api/backup.ts'
import type { BackupStorageLocation } from '#api/backup-storage-location.ts'
import { specOf } from './location-check.ts'
import { nextSync, syncPlan, type KnownBackup } from './sync-step.ts'

const names = Array.from({ length: 12 }, (_, i) => `b${i}`)
const known = fc.record({
  name: fc.constantFrom(...names),
  uid: fc.uuid(),
  resourceVersion: fc.constant('1'),
  location: fc.constantFrom('here', 'there'),
  phase: fc.constantFrom(undefined, ...backupPhases),
  importing: fc.boolean(),
})
const backups = fc.uniqueArray(known, { selector: ({ name }) => name })
const folders = fc.uniqueArray(fc.constantFrom(...names, 'No-Backup', 'a_b')).map((all) => new Set(all))
const none: ReadonlySet<string> = new Set()
const every: ReadonlySet<string> = new Set(names)
const here = { location: 'here', missed: none }

const finished = ({ phase }: KnownBackup): boolean => phase === 'Completed' || phase === 'PartiallyFailed'

test('what is removed is finished, of this location and without files; what is looked into has no object', () => {
  fc.assert(
    fc.property(folders, backups, folders, (stored, objects, missed) => {
      const { unknown, halfImported, gone } = syncPlan(stored, objects, { location: 'here', missed })
      for (const one of gone.backups) {
        assert.ok(finished(one) && one.location === 'here' && !stored.has(one.name), one.name)
      }
      for (const name of unknown) {
        assert.ok(stored.has(name) && !objects.some((one) => one.name === name), name)
      }
      for (const one of halfImported) assert.ok(one.importing && stored.has(one.name) && one.location === 'here')
      const lost = objects.filter((one) => finished(one) && one.location === 'here' && !stored.has(one.name))
      assert.deepEqual(gone.backups, lost)
      assert.ok(gone.do === 'remove' || gone.backups.some(({ name }) => !missed.has(name)))
    }),
  )
})

test('without confirmation never more than half of the objects of a location are removed', () => {
  fc.assert(
    fc.property(folders, backups, (stored, objects) => {
      const { gone } = syncPlan(stored, objects, here)
      if (gone.do === 'suspect') return
      const left = objects.filter(({ location, name }) => location === 'here' && stored.has(name))
      assert.ok(gone.backups.length <= left.length)
    }),
  )
})

test('when everything is done there is nothing left to do, and with two locations nobody removes what the other brought in', () => {
  fc.assert(
    fc.property(folders, folders, backups, (inHere, inThere, objects) => {
      let all: KnownBackup[] = objects.map((one) => ({ ...one, importing: false }))
      for (let round = 0; round < 2; round += 1) {
        for (const [location, stored] of [
          ['here', inHere],
          ['there', inThere],
        ] as const) {
          const { unknown, gone } = syncPlan(stored, all, { location, missed: every })
          all = all.filter((one) => !gone.backups.includes(one))
          const made = { uid: 'u', resourceVersion: '1', location, phase: 'Completed', importing: false } as const
          all.push(...unknown.map((name) => ({ ...made, name })))
        }
      }
      for (const [location, stored] of [
        ['here', inHere],
        ['there', inThere],
      ] as const) {
        const { unknown, halfImported, gone } = syncPlan(stored, all, { location, missed: every })
        assert.deepEqual([unknown, halfImported, gone.backups], [[], [], []])
      }
    }),
  )
})

function known3(phase: KnownBackup['phase'] = 'Completed'): KnownBackup[] {
  return ['a', 'b', 'c'].map((name) => ({
    name,
    uid: name,
    resourceVersion: '1',
    location: 'here',
    phase,
    importing: false,
  }))
}

test('a store that answers empty, or with less than half, is not believed the first time', () => {
  const all = known3()
  assert.equal(syncPlan(new Set(), all, here).gone.do, 'suspect')
  assert.equal(syncPlan(new Set(['a']), all, here).gone.do, 'suspect')
  assert.equal(syncPlan(new Set(['a', 'b']), all, here).gone.do, 'remove')
  const after = (...missed: string[]) => syncPlan(new Set(), all, { ...here, missed: new Set(missed) }).gone
  assert.deepEqual(after('a', 'b', 'c'), { do: 'remove', backups: all })
  // More are missing than the last time: that is no confirmation.
  assert.equal(after('a', 'b').do, 'suspect')
  assert.deepEqual(syncPlan(new Set(), known3('InProgress'), here).gone, { do: 'remove', backups: [] })
})

const now = new Date('2026-01-01T10:00:00Z')

function location(spec: object, status: object): BackupStorageLocation {
  const given = { provider: 'aws', objectStorage: { bucket: 'b' }, ...spec }
  return {
    apiVersion: 'velero.io/v1',
    kind: 'BackupStorageLocation',
    metadata: { name: 'l' },
    spec: given,
    status,
  }
}

test('a location is looked through at once when it is new or changed, then in its rhythm, and only while it can be used', () => {
  const status = { phase: 'Available', lastSyncedTime: '2026-01-01T09:59:30Z' }
  const next = (spec: object, rest: object = {}, synced = true): ReturnType<typeof nextSync> => {
    const one = location(spec, { ...status, ...rest })
    return nextSync(one, { usual: 60_000, now, syncedSpec: synced ? specOf(one) : undefined })
  }
  assert.deepEqual(next({}), { syncIn: 30_000 })
  assert.deepEqual(next({}, {}, false), { syncIn: 0 })
  assert.deepEqual(next({}, { lastSyncedTime: null }), { syncIn: 0 })
  assert.deepEqual(next({}, { lastSyncedTime: '2026-01-01T09:00:00Z' }), { syncIn: 0 })
  assert.deepEqual(next({}, { lastSyncedTime: '2027-01-01T09:00:00Z' }), { syncIn: 60_000 })
  assert.deepEqual(next({ backupSyncPeriod: '5m' }), { syncIn: 270_000 })
  assert.deepEqual(next({ backupSyncPeriod: '-1s' }), { syncIn: 30_000 })
  assert.deepEqual(next({ backupSyncPeriod: 'soon' }), { syncIn: 30_000 })
  assert.equal(next({ backupSyncPeriod: '0s' }), 'never')
  assert.equal(next({}, { phase: 'Unavailable' }), 'not-available')
  assert.equal(nextSync(location({}, status), { usual: 0, now, syncedSpec: undefined }), 'never')
})

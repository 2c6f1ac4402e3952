import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Backup, BackupSpec } from '#api/backup.ts'
import type { VolumeSnapshotLocation } from '#api/volume-snapshot-location.ts'
import { defaultBackup } from './defaults.ts'
import { chooseSnapshotLocations } from './snapshot-locations.ts'
import { validateBackup } from './validation.ts'

function location(name: string, provider: string): VolumeSnapshotLocation {
  return { apiVersion: 'velero.io/v1', kind: 'VolumeSnapshotLocation', metadata: { name }, spec: { provider } }
}

const locations = [location('east', 'aws'), location('west', 'aws'), location('disk', 'azure')]
const choose = (
  named: string[] | undefined,
  defaults?: Record<string, string>,
): ReturnType<typeof chooseSnapshotLocations> => chooseSnapshotLocations(named, { locations, defaults })

test('a named location stands for its provider, and another provider’s only one joins it', () => {
  assert.deepEqual(choose(['west']), { names: ['west', 'disk'], problems: [] })
  assert.deepEqual(choose(['disk', 'east', 'disk']), { names: ['disk', 'east'], problems: [] })
})

test('of several locations of a provider nobody named, the server’s default is taken', () => {
  assert.deepEqual(choose(undefined, { aws: 'east' }), { names: ['east', 'disk'], problems: [] })
  assert.match(
    choose([]).problems.join(),
    /^provider aws has several volume snapshot locations \(east, west\); name one/,
  )
  for (const wrong of ['disk', 'gone']) {
    assert.match(choose([], { aws: wrong }).problems.join(), /does not exist; its locations are: east, west$/)
  }
})

test('a location that does not exist, and two of one provider, are told before anything is chosen', () => {
  assert.deepEqual(choose(['gone', 'west', 'east']).problems, [
    'volume snapshot location "gone" not found; make it, or choose one of: east, west, disk',
    'volume snapshot locations west and east have the same provider, aws; a backup uses one for each provider',
  ])
})

test('without any location a backup needs none; without installation names stand as they are', () => {
  assert.deepEqual(chooseSnapshotLocations(undefined, { locations: [] }), { names: [], problems: [] })
  assert.deepEqual(chooseSnapshotLocations(['any'], { locations: undefined }), { names: ['any'], problems: [] })
})

test('there is one location for each provider, the named ones among them, or a problem', () => {
  const names = fc.uniqueArray(fc.constantFrom('east', 'west', 'disk', 'gone'))
  const defaults = fc.constantFrom({}, { aws: 'west' }, { aws: 'gone' })
  fc.assert(
    fc.property(names, defaults, (named, settings) => {
      const chosen = choose(named, settings)
      if (chosen.problems.length > 0) return
      const providers = chosen.names.map(
        (name) => locations.find(({ metadata }) => metadata.name === name)?.spec.provider,
      )
      assert.deepEqual(providers.toSorted(), ['aws', 'azure'])
      for (const name of named) assert.ok(chosen.names.includes(name))
      assert.deepEqual(choose([...chosen.names], {}), chosen)
    }),
  )
})

const facts = { version: { major: '1', minor: '36', gitVersion: 'v1.36.3' }, excludedNamespaces: [] }
const accepted = (spec: BackupSpec, settings: object): Backup =>
  defaultBackup(
    { apiVersion: 'velero.io/v1', kind: 'Backup', metadata: { name: 'nightly' }, spec },
    { facts, now: new Date('2026-01-01T00:00:00Z'), settings },
  )

test('the choice is written into the spec; names that cannot be right stay for validation to refuse', () => {
  const settings = { snapshotLocations: locations, defaultSnapshotLocations: { aws: 'east' } }
  const backup = accepted({}, settings)
  assert.deepEqual(backup.spec.volumeSnapshotLocations, ['east', 'disk'])
  assert.deepEqual(validateBackup(backup, settings), [])
  const wrong = accepted({ volumeSnapshotLocations: ['gone'], snapshotVolumes: false }, settings)
  assert.deepEqual(wrong.spec.volumeSnapshotLocations, ['gone'])
  assert.match(validateBackup(wrong, settings).join(), /^volume snapshot location "gone" not found/)
})

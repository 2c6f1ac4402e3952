import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import type { KubeObject } from '#kube/object.ts'
import { Backups } from './backup.ts'
import { BackupStorageLocations } from './backup-storage-location.ts'
import { ApiError } from './error.ts'
import { allKinds } from './kinds.ts'
import { readObject } from './read.ts'
import { Restores } from './restore.ts'

const golden = new URL('../../test/compat/golden/scenarios/', import.meta.url)
const backup = { apiVersion: 'velero.io/v1', kind: 'Backup', metadata: { name: 'nightly', namespace: 'velero' } }

function veleroMade(): { file: string; object: KubeObject }[] {
  const files = globSync(
    ['*/{backup,restore,schedule}.json', '*/crs/*.json', '*/bucket/backups/*/velero-backup.json'],
    {
      cwd: golden,
    },
  )
  return files.flatMap((file) => {
    const content = JSON.parse(readFileSync(new URL(file, golden), 'utf8')) as KubeObject & { items?: KubeObject[] }
    return (content.items ?? [content]).map((object) => ({ file, object }))
  })
}

function faultOf(read: () => unknown): string {
  try {
    read()
  } catch (error) {
    assert.ok(error instanceof ApiError)
    assert.equal(error.problem, 'invalid-object')
    return error.message
  }
  return assert.fail('was accepted')
}

test('every custom object that Velero made is read unchanged', () => {
  const objects = veleroMade()
  for (const { file, object } of objects) {
    const kind = allKinds.find((candidate) => candidate.kind === object.kind)
    assert.ok(kind, `${file}: kind ${object.kind}`)
    assert.deepEqual(readObject(kind, object), object, file)
  }
  const kinds = new Set(objects.map(({ object }) => object.kind))
  assert.deepEqual([...kinds].toSorted(), [
    'Backup',
    'BackupRepository',
    'PodVolumeBackup',
    'PodVolumeRestore',
    'Restore',
    'Schedule',
  ])
})

test('an object without a spec reads as one with an empty spec', () => {
  assert.deepEqual(readObject(Backups, backup), { ...backup, spec: {} })
  assert.deepEqual(readObject(Backups, { ...backup, spec: null }), { ...backup, spec: {} })
})

test('a spec that cannot be empty is missed', () => {
  const location = { ...backup, kind: 'BackupStorageLocation' }
  assert.match(
    faultOf(() => readObject(BackupStorageLocations, location)),
    /spec\.provider: .*spec\.objectStorage: /,
  )
})

test('fields that nobody knows yet pass at every depth', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 3 }), (value) => {
      const future = {
        ...backup,
        future: value,
        spec: { future: value, hooks: { future: value, resources: [{ name: 'a', future: value }] } },
        status: { future: value, progress: { future: value } },
      }
      assert.deepEqual(readObject(Backups, future), future)
    }),
  )
})

test('a field of the wrong type is refused with the name of the object and the path of the field', () => {
  const message = faultOf(() =>
    readObject(Backups, {
      ...backup,
      spec: {
        includedNamespaces: 'shop',
        ttl: 'a month',
        hooks: { resources: [{ name: 'h', pre: [{ exec: { command: [] } }] }] },
      },
      status: { errors: 1.5, expiration: 'tomorrow' },
    }),
  )
  assert.match(message, /^Backup velero\/nightly: /)
  for (const path of [
    'spec.includedNamespaces: expected array, received string',
    'spec.ttl: expected a duration such as 90s',
    'spec.hooks.resources.0.pre.0.exec.command: ',
    'status.errors: expected int',
    'status.expiration: ',
  ]) {
    assert.ok(message.includes(path), `${path} in ${message}`)
  }
})

test('a phase that does not exist is refused', () => {
  assert.match(
    faultOf(() => readObject(Backups, { ...backup, status: { phase: 'Done' } })),
    /status\.phase: /,
  )
})

test('an object of another kind or another version is refused', () => {
  assert.match(
    faultOf(() => readObject(Restores, backup)),
    /^Restore velero\/nightly: kind: /,
  )
  assert.match(
    faultOf(() => readObject(Backups, { ...backup, apiVersion: 'velero.io/v2' })),
    /apiVersion: /,
  )
})

test('what is no object at all is refused without a crash', () => {
  for (const nothing of [undefined, null, 'Backup', 7, [], { metadata: null }]) {
    assert.match(
      faultOf(() => readObject(Backups, nothing)),
      /^Backup \(without a name\): /,
    )
  }
})

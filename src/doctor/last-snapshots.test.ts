import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Backup } from '#api/backup.ts'
import type { VolumeInfo } from '#archive/volume-info.ts'
import { lastSnapshots } from './last-snapshots.ts'

function backup(name: string, minute: number, phase: 'Completed' | 'PartiallyFailed' | 'Failed' = 'Completed'): Backup {
  const startTimestamp = new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString()
  return { apiVersion: 'velero.io/v1', kind: 'Backup', metadata: { name }, spec: {}, status: { phase, startTimestamp } }
}

const taken = (claim: string, rest: VolumeInfo = {}): VolumeInfo => ({
  pvcNamespace: 'shop',
  pvcName: claim,
  backupMethod: 'NativeSnapshot',
  result: 'succeeded',
  ...rest,
})

test('the newest backup that has the data counts, not one that skipped the volume or failed with it', async () => {
  const infos: Record<string, VolumeInfo[]> = {
    old: [taken('a'), taken('b')],
    failed: [taken('a', { result: 'failed' })],
    skipped: [{ pvcNamespace: 'shop', pvcName: 'a', skipped: true }],
    broken: [taken('a')],
    middle: [taken('a', { startTimestamp: '2026-01-01T00:02:30Z' })],
  }
  const backups = [
    backup('old', 1),
    backup('middle', 2, 'PartiallyFailed'),
    backup('failed', 3),
    backup('skipped', 4),
    backup('broken', 5, 'Failed'),
  ]
  const infosOf = async ({ metadata }: Backup) => infos[metadata.name] ?? []
  const { found, left } = await lastSnapshots(new Set(['shop/a', 'shop/b', 'shop/c']), { backups, infosOf, most: 10 })
  assert.equal(left, 0)
  assert.deepEqual(
    [...found],
    [
      ['shop/a', { backup: 'middle', method: 'NativeSnapshot', taken: '2026-01-01T00:02:30Z' }],
      ['shop/b', { backup: 'old', method: 'NativeSnapshot', taken: '2026-01-01T00:01:00.000Z' }],
    ],
  )
})

test('property: no more backups are looked into than asked for, none when everything is found, and what is left is counted', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(60), fc.nat(40), fc.nat(59), async (count, most, where) => {
      let looked = 0
      const backups = Array.from({ length: count }, (_, index) => backup(`b${index}`, index))
      const infosOf = async ({ metadata }: Backup) => {
        looked += 1
        return metadata.name === `b${where}` ? [taken('a')] : []
      }
      const { found, left } = await lastSnapshots(new Set(['shop/a']), { backups, infosOf, most })
      assert.ok(looked <= most)
      if (found.size === 0) assert.equal(looked + left, count)
      else assert.equal(left, 0)
      assert.equal(found.size, where < count && count - where <= most ? 1 : 0)
    }),
  )
})

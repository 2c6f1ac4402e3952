import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Backup } from '#api/backup.ts'
import { memoryStore } from '#store/memory.ts'
import type { ObjectStore } from '#store/store.ts'
import { processMark } from '#store/writer-process.ts'
import { openArtifacts } from './artifacts.ts'
import { claimName, claimStanding, type BackupClaim, type Writer } from './claim.ts'
import { deleteBackupFiles } from './delete.ts'
import { BackupError } from './error.ts'

const now = new Date('2026-01-02T00:00:00Z')
const hours = (count: number): Date => new Date(now.getTime() - count * 3_600_000)
const taken = (error: unknown): boolean => error instanceof BackupError && error.problem === 'name-taken'

test('a claim is taken over by its own installation or Backup, and by others when its process is dead or its folder has rested for a day', () => {
  const claim = (more: Partial<BackupClaim> = {}): BackupClaim => ({ run: 'r', process: 'afar.1', since: '', ...more })
  const standing = (left: BackupClaim | 'unreadable', writer: Partial<Writer> = {}, age = 1): string =>
    claimStanding(left, { writer: { now, ...writer }, lastChange: hours(age) })
  assert.equal(standing(claim({ installation: 'a/velero' }), { installation: 'a/velero' }), 'own')
  assert.equal(standing(claim({ installation: 'a/velero' }), { installation: 'b/velero' }), 'alive')
  assert.equal(standing(claim({ uid: '1' }), { uid: '1' }), 'own')
  assert.equal(standing(claim({ uid: '1' }), { uid: '2' }), 'alive')
  assert.equal(standing(claim()), 'alive')
  assert.equal(standing(claim({ process: processMark() })), 'alive')
  // No process has this number: it is above the most that Linux gives.
  assert.equal(standing(claim({ process: processMark().replace(/\d+$/, '99999999') })), 'dead')
  assert.equal(standing(claim(), {}, 25), 'dead')
  assert.equal(standing('unreadable', {}, 1), 'alive')
  assert.equal(standing('unreadable', {}, 25), 'dead')
})

/** A store whose calls wait for their turn, which `turns` gives in any order. */
function inAnyOrder(store: ObjectStore, turns: fc.Scheduler): ObjectStore {
  const turn = (): Promise<void> => turns.schedule(Promise.resolve())
  return {
    ...store,
    put: async (...args) => (await turn(), await store.put(...args)),
    get: async (...args) => (await turn(), await store.get(...args)),
    head: async (key) => (await turn(), await store.head(key)),
    delete: async (key) => (await turn(), await store.delete(key)),
    async *list(prefix) {
      await turn()
      yield* store.list(prefix)
    },
  }
}

const steps = ['contents', 'logs', 'manifest', 'whole', 'metadata', 'release'] as const

/** One run as `runBackup` does it; `end` says before which step it dies without a word, or fails. */
async function run(
  store: ObjectStore,
  installation: string,
  end: { at: number; how: 'dies' | 'fails' },
): Promise<void> {
  const held = await claimName(store, 'b', { installation, now })
  const artifacts = openArtifacts(store, 'b', { held, signal: undefined })
  try {
    for (const [at, step] of steps.entries()) {
      if (at === end.at) throw new Error(end.how)
      if (step === 'whole') await artifacts.assertWhole()
      else if (step !== 'release') await artifacts.put(step, Buffer.from(`${installation} ${step}`))
    }
  } catch (error) {
    if (error instanceof Error && error.message === 'dies') return
    assert.deepEqual(await artifacts.discard(), [])
    throw error
  } finally {
    if (end.how !== 'dies' || end.at >= steps.length) await held.release()
  }
}

test('however runs of one name and their deaths are mixed, what has a marker is whole and of one maker', async () => {
  const ends = fc.record({ at: fc.nat(steps.length + 4), how: fc.constantFrom('dies' as const, 'fails' as const) })
  const runs = fc.array(fc.record({ installation: fc.constantFrom('a', 'b', 'c'), end: ends }), { maxLength: 5 })
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), runs, async (turns, all) => {
      const store = memoryStore({ now: () => now })
      const slow = inAnyOrder(store, turns)
      // An installation never has two runs of one name at once: the next one begins when the one before it has ended or died.
      const byInstallation = Object.groupBy(all, ({ installation }) => installation)
      const done = Promise.allSettled(
        Object.values(byInstallation).map(async (mine) => {
          for (const { installation, end } of mine) await run(slow, installation, end).catch(() => undefined)
        }),
      )
      await turns.waitFor(done)
      const keys = await Array.fromAsync(store.list('backups/b/'), ({ key }) => key)
      const marker = keys.find((key) => key.endsWith('velero-backup.json'))
      if (marker === undefined) return
      const [maker] = (await textOf(store, marker)).split(' ')
      const files = keys.filter((key) => !key.endsWith('claim.json'))
      assert.equal(files.length, 4, files.join())
      for (const key of files) assert.equal((await textOf(store, key)).split(' ')[0], maker, key)
    }),
  )
})

async function textOf(store: ObjectStore, key: string): Promise<string> {
  return Buffer.concat(await Array.fromAsync(await store.get(key))).toString()
}

test('a name is given to nobody else while it is claimed, and the files beside the claim stay', async () => {
  const store = memoryStore({ now: () => now })
  const held = await claimName(store, 'b', { installation: 'a/velero', now })
  await store.put('backups/b/b.tar.gz', Buffer.from('half'))
  await assert.rejects(claimName(store, 'b', { installation: 'b/velero', now }), taken)
  const failed: Backup = {
    apiVersion: 'velero.io/v1',
    kind: 'Backup',
    metadata: { name: 'b', uid: 'theirs' },
    spec: {},
    status: { phase: 'Failed', startTimestamp: '2026-01-02T00:00:00Z' },
  }
  assert.equal(await deleteBackupFiles(store, failed, { installation: 'b/velero', now }), false)
  assert.ok((await store.head('backups/b/b.tar.gz')) !== undefined)
  assert.equal(await held.state(), 'held')
  // Its own installation clears up after it, when it asks for that or makes the backup again.
  assert.equal((await claimName(store, 'b', { installation: 'a/velero', now })).cleared, 1)
  assert.equal(await held.state(), 'lost')
  assert.equal(await deleteBackupFiles(store, failed, { installation: 'a/velero', now }), true)
  assert.deepEqual(await Array.fromAsync(store.list('')), [])
})

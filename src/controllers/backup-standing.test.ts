import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Backup } from '#api/backup.ts'
import type { OperationStanding } from '#backup/operations.ts'
import type { Environment } from '#runtime/controller.ts'
import { standingWriter, type StandingWriter } from './backup-standing.ts'

const backup: Backup = { apiVersion: 'velero.io/v1', kind: 'Backup', metadata: { name: 'b' }, spec: {} }
const log = { debug() {}, info() {}, warn() {}, error() {} }

const waiting = (completed: number): OperationStanding => ({
  phase: 'WaitingForPluginOperations',
  attempted: 9,
  completed,
  failed: 0,
})

/** A writer whose writes end when the test says so. */
function slowWriter(): { writer: StandingWriter; writes: object[]; endOne: () => Promise<void> } {
  const writes: object[] = []
  const ends: (() => void)[] = []
  const writer = standingWriter(backup, { log } as unknown as Environment, {
    write(change) {
      writes.push(change)
      return new Promise<void>((resolve) => ends.push(resolve))
    },
    onWaiting: async () => undefined,
  })
  const endOne = async (): Promise<void> => {
    ends.shift()?.()
    await new Promise(setImmediate)
  }
  return { writer, writes, endOne }
}

const done = (completed: number): object => ({
  status: {
    phase: 'WaitingForPluginOperations',
    backupItemOperationsAttempted: 9,
    ...(completed > 0 ? { backupItemOperationsCompleted: completed } : {}),
  },
})

test('a standing is written at once, what comes meanwhile by its last word, and nothing twice', async () => {
  const { writer, writes, endOne } = slowWriter()
  for (const completed of [0, 1, 2]) writer.report(waiting(completed))
  assert.deepEqual(writes, [done(0)])
  await endOne()
  assert.deepEqual(writes, [done(0), done(2)])
  await endOne()
  writer.report(waiting(2))
  await new Promise(setImmediate)
  assert.equal(writes.length, 2)
})

test('nothing is written any more when it has settled', async () => {
  const { writer, writes, endOne } = slowWriter()
  writer.report(waiting(0))
  writer.report(waiting(1))
  let settled = false
  const settling = writer.settle().then(() => (settled = true))
  await new Promise(setImmediate)
  assert.equal(settled, false)
  await endOne()
  await settling
  assert.deepEqual(writes, [done(0)])
})

// What the check-up says of buckets that real Velero filled, whole and damaged.
import assert from 'node:assert/strict'
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Backup } from '#api/backup.ts'
import { examineStore } from '#doctor/examine-store.ts'
import type { StoreFacts } from '#doctor/facts.ts'
import type { Finding } from '#doctor/finding.ts'
import { findings } from '#doctor/findings.ts'
import { memoryStore } from '#store/memory.ts'
import type { ObjectStore } from '#store/store.ts'

const scenarios = join(import.meta.dirname, 'golden', 'scenarios')
/** Shortly after the recording. */
const now = new Date('2026-11-23T12:00:00Z')
const signal = AbortSignal.timeout(300_000)

/** A copy of the bucket of a scenario; undefined when it was not recorded whole. */
async function bucketOf(scenario: string): Promise<ObjectStore | undefined> {
  if (!(await readdir(join(scenarios, scenario))).includes('bucket')) return undefined
  const root = join(scenarios, scenario, 'bucket')
  const files = await readdir(root, { recursive: true, withFileTypes: true })
  const store = memoryStore({ now: () => now })
  for (const file of files.filter((one) => one.isFile())) {
    const path = join(file.parentPath, file.name)
    await store.put(path.slice(root.length + 1), await readFile(path))
  }
  return files.some(({ name }) => name.endsWith('.tar.gz')) ? store : undefined
}

/** What is found in one store but for its want of locks, which memory never has. */
function findingsIn(store: StoreFacts, { at, maxAge }: { at: Date; maxAge: number }): Finding[] {
  return findings({ stores: [store], now: at, maxAge }).filter(({ problem }) => problem !== 'not-locked')
}

async function problemsOf(store: ObjectStore, deep = true): Promise<string[]> {
  const facts = await examineStore(store, { deep, signal })
  return findingsIn(facts, { at: now, maxAge: 86_400_000 }).map(
    ({ severity, problem, subject }) => `${severity} ${problem} ${subject.replace(/^(store|backup) .*/, '$1')}`,
  )
}

test("Velero's buckets are healthy, but for Secrets in plain text and volumes whose data Velero left out", async () => {
  const seen = new Set<string>()
  let healthy = 0
  for (const scenario of await readdir(scenarios)) {
    const store = await bucketOf(scenario)
    if (store === undefined) continue
    const problems = await problemsOf(store)
    const untrue = problems.filter((problem) => !/secrets-in-plain-text|volume-data-missing/.test(problem))
    assert.deepEqual(untrue, [], scenario)
    for (const problem of problems) seen.add(problem)
    healthy += 1
  }
  assert.ok(healthy >= 10, `only ${healthy} buckets were looked into`)
  assert.deepEqual([...seen].toSorted(), ['note secrets-in-plain-text store', 'warning volume-data-missing store'])
})

const name = 'a02-whole-cluster'
const file = (suffix: string): string => `backups/${name}/${name}${suffix}`

/** The bucket of the whole cluster, after `change` to one of its files; undefined takes it away. */
async function damaged(key: string, change: (bytes: Buffer) => Buffer | undefined): Promise<ObjectStore> {
  const store = (await bucketOf(name)) ?? assert.fail()
  const bytes = Buffer.concat(await Array.fromAsync(await store.get(key)))
  await store.delete(key)
  const after = change(bytes)
  if (after !== undefined) await store.put(key, after)
  return store
}

const flipped = (bytes: Buffer): Buffer => {
  const copy = Buffer.from(bytes)
  const middle = Math.floor(copy.length / 2)
  copy[middle] = (copy[middle] ?? 0) ^ 0xff
  return copy
}

test('every damage to a bucket is found, and named', async () => {
  const record = `backups/${name}/velero-backup.json`
  const cases: [string, (bytes: Buffer) => Buffer | undefined, string][] = [
    [file('.tar.gz'), () => undefined, 'critical archive-missing backup'],
    [file('.tar.gz'), () => Buffer.alloc(0), 'critical archive-missing backup'],
    [file('.tar.gz'), (bytes) => bytes.subarray(0, bytes.length / 2), 'critical archive-damaged backup'],
    [file('.tar.gz'), flipped, 'critical archive-damaged backup'],
    [file('-resource-list.json.gz'), flipped, 'warning file-damaged backup'],
    [file('-volumeinfo.json.gz'), (bytes) => bytes.subarray(0, 20), 'critical archive-damaged backup'],
    [record, (bytes) => bytes.subarray(0, 100), 'critical record-damaged backup'],
    [record, () => Buffer.from('{}'), 'critical record-damaged backup'],
  ]
  for (const [key, change, expected] of cases) {
    const problems = await problemsOf(await damaged(key, change))
    assert.ok(problems.includes(expected), `${key}: ${problems.join(', ')}`)
    const bad = problems.filter((problem) => problem.endsWith(' backup'))
    assert.deepEqual(bad, [expected], 'told once')
  }
})

test('without --deep, no archive is read: only what its absence and the other files tell is found', async () => {
  const cut = await damaged(file('.tar.gz'), (bytes) => bytes.subarray(0, bytes.length / 2))
  assert.ok(!(await problemsOf(cut, false)).some((problem) => problem.startsWith('critical')))
  const gone = await damaged(file('.tar.gz'), () => undefined)
  assert.ok((await problemsOf(gone, false)).includes('critical archive-missing backup'))
})

test('a folder without its record is a leftover once it is a day old; what Velero calls failed is told', async () => {
  const gone = await damaged(`backups/${name}/velero-backup.json`, () => undefined)
  const facts = await examineStore(gone, { deep: true, signal })
  const at = (hours: number): string[] =>
    findingsIn(facts, { at: new Date(now.getTime() + hours * 3_600_000), maxAge: 0 }).map(({ problem }) => problem)
  assert.deepEqual(at(1), ['no-backup'])
  assert.deepEqual(at(25), ['no-backup', 'leftover'])

  const failed = await damaged(`backups/${name}/velero-backup.json`, (bytes) => {
    const backup = JSON.parse(bytes.toString()) as Backup
    return Buffer.from(JSON.stringify({ ...backup, status: { ...backup.status, phase: 'Failed' } }))
  })
  assert.ok((await problemsOf(failed)).includes('warning backup-failed backup'))
})

test('an empty store is told as one; nothing is written', async () => {
  const store = memoryStore({ now: () => now })
  assert.deepEqual(await problemsOf(store), ['warning no-backup store'])
  const full = (await bucketOf(name)) ?? assert.fail()
  const before = await Array.fromAsync(full.list(''))
  await problemsOf(full)
  assert.deepEqual(await Array.fromAsync(full.list('')), before)
})

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { nameTable, type NameTable } from './name-table.ts'

const folders = [0, 1, 2]

/** A table beside what it stands for. */
interface Both {
  readonly table: NameTable
  readonly model: Map<string, number>[]
}

const name = fc.oneof(
  fc.constantFrom('a', 'b', 'shop/web', 'shop-2/web', ''),
  fc.nat(200).map((number) => `shop/web-${number}`),
  fc.string({ unit: 'grapheme' }),
)
const step = fc.record({
  does: fc.constantFrom('set', 'set', 'set', 'has', 'delete', 'read'),
  folder: fc.constantFrom(...folders),
  name,
  value: fc.nat(254),
})

function take(
  { table, model }: Both,
  { does, folder, name, value }: { does: string; folder: number; name: string; value: number },
): void {
  const names = model[folder]!
  const was = names.has(name)
  if (does === 'set') {
    assert.equal(table.set(folder, name, value), !was)
    names.set(name, value)
  } else if (does === 'delete') {
    assert.equal(table.delete(folder, name), was)
    names.delete(name)
  } else if (does === 'has') assert.equal(table.has(folder, name), was)
  else assert.deepEqual([...table.entries(folder)], [...names].toSorted(byBytes))
}

function byBytes([a]: readonly [string, number], [b]: readonly [string, number]): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

suite('table of names', () => {
  test('holds what maps of names would hold, and gives it sorted by bytes', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const both: Both = { table: nameTable(), model: folders.map(() => new Map()) }
        for (const one of steps) take(both, one)
        for (const folder of folders) {
          assert.equal(both.table.size(folder), both.model[folder]!.size)
          assert.deepEqual([...both.table.entries(folder)], [...both.model[folder]!].toSorted(byBytes))
        }
      }),
    )
  })

  test('grows to as many as there are', () => {
    const table = nameTable()
    const count = 100_000
    for (let i = 0; i < count; i += 1) assert.equal(table.set(i % 3, `team-${i % 10}/name-${i}`, i % 6), true)
    for (let i = 0; i < count; i += 1) assert.equal(table.has(i % 3, `team-${i % 10}/name-${i}`), true)
    assert.equal(table.has(0, 'team-1/name-1'), false)
    assert.deepEqual(
      folders.map((folder) => [...table.entries(folder)].length),
      [33_334, 33_333, 33_333],
    )
  })

  test('takes names of any length', () => {
    const table = nameTable()
    const long = 'ü'.repeat(70_000)
    table.set(0, long, 1)
    table.set(0, `${long}x`, 2)
    assert.deepEqual(
      [...table.entries(0)],
      [
        [long, 1],
        [`${long}x`, 2],
      ],
    )
  })
})

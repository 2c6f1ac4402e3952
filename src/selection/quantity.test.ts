import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseQuantity } from './quantity.ts'

const billion = 1_000_000_000n

test('quantities are read exactly, with binary, decimal and scientific endings', () => {
  for (const [text, size] of [
    ['0', 0n],
    ['10', 10n * billion],
    ['1Ki', 1024n * billion],
    ['1.5Gi', 1536n * 1024n * 1024n * billion],
    ['100G', 100n * billion * billion],
    ['.5', billion / 2n],
    ['2.', 2n * billion],
    ['1e3', 1000n * billion],
    ['5E-1', billion / 2n],
    ['1E', billion * billion * billion],
    ['1n', 1n],
    ['0.1n', 1n],
    ['-1k', -1000n * billion],
    ['+16Ei', 16n * 2n ** 60n * billion],
  ] as const) {
    assert.equal(parseQuantity(text), size, text)
  }
})

test('what is no quantity is refused, numbers of absurd size too', () => {
  for (const text of ['', 'Gi', '10 Gi', '10gi', '1.2.3', '1e', 'e3', '0x10', '1e999', '1KiB', '9'.repeat(200)]) {
    assert.throws(() => parseQuantity(text), { name: 'SelectionError', problem: 'bad-quantity' }, text)
  }
})

test('quantities compare as the numbers they stand for', () => {
  const size = fc.bigInt({ min: 0n, max: 10n ** 15n })
  fc.assert(
    fc.property(size, size, (a, b) => {
      assert.equal(parseQuantity(`${a}Ki`) < parseQuantity(`${b}`), a * 1024n < b)
      assert.equal(parseQuantity(`${a}k`), parseQuantity(`${a}000`))
    }),
  )
})

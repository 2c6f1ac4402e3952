import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { nameProblem } from './names.ts'

test('names that the API server takes have no problem', () => {
  for (const name of ['a', '0', 'nightly-20260101000000', 'shop.v2', 'a'.repeat(253)]) {
    assert.equal(nameProblem(name), undefined, name)
  }
})

test('each way in which a name can be wrong is told', () => {
  assert.equal(nameProblem(''), 'is empty')
  assert.match(nameProblem('a'.repeat(254)) ?? '', /254 characters, 253/)
  assert.match(nameProblem('Nightly') ?? '', /contains "N"/)
  assert.match(nameProblem('a b') ?? '', /contains " "/)
  assert.match(nameProblem('../etc') ?? '', /contains "\/"/)
  assert.match(nameProblem('a😀') ?? '', /contains "😀"/)
  for (const name of ['-a', 'a-', '.a', 'a.', 'a..b', 'a.-b', '..']) {
    assert.match(nameProblem(name) ?? '', /start and end with/, name)
  }
})

test('a name without a problem is a DNS-1123 subdomain, and the other way round', () => {
  const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/
  const almost = fc.string({ unit: fc.constantFrom('a', '0', '-', '.', 'A', '_', 'é'), maxLength: 12 })
  fc.assert(
    fc.property(almost, (name) => {
      assert.equal(nameProblem(name) === undefined, subdomain.test(name))
    }),
  )
})

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { readLink, signLink } from './signed-link.ts'

const secret = randomBytes(32)
const target = fc.record(
  {
    location: fc.string({ minLength: 1 }),
    key: fc.string({ unit: 'binary', minLength: 1 }),
    expires: fc.nat().map((n) => n + 1),
  },
  { noNullPrototype: true },
)

test('a link leads to what it was signed for until it expires, and nowhere afterwards or with another secret', () => {
  fc.assert(
    fc.property(target, fc.integer({ min: 1, max: 1e9 }), (signed, millis) => {
      const query = new URLSearchParams(signLink(signed, secret))
      assert.deepEqual(readLink(query, { secret, now: new Date(signed.expires - millis) }), signed)
      assert.equal(readLink(query, { secret, now: new Date(signed.expires) }), undefined)
      assert.equal(readLink(query, { secret: randomBytes(32), now: new Date(signed.expires - millis) }), undefined)
    }),
  )
})

test('a link with anything changed or left out leads nowhere', () => {
  const fields = fc.constantFrom('location', 'key', 'expires', 'signature')
  fc.assert(
    fc.property(target, fields, fc.option(fc.string()), (signed, field, value) => {
      const query = new URLSearchParams(signLink(signed, secret))
      // Another way to write the same time says nothing else.
      if (query.get(field) === value || (field === 'expires' && Number(value) === signed.expires)) return
      if (value === null) query.delete(field)
      else query.set(field, value)
      assert.equal(readLink(query, { secret, now: new Date(0) }), undefined)
    }),
  )
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { labelValue } from './labels.ts'

test('a name of more than 63 characters is shortened as Velero shortens it', () => {
  const name = `${'a'.repeat(57)}bcdefgh`
  // printf %s "$name" | sha256sum | cut -c1-6
  assert.equal(labelValue(name), `${'a'.repeat(57)}56f07c`)
})

test('a label value is never longer than 63 characters, and a name that fits is left alone', () => {
  const objectName = fc.stringMatching(/^[a-z0-9][-a-z0-9]{0,250}[a-z0-9]$/)
  fc.assert(
    fc.property(objectName, (name) => {
      const value = labelValue(name)
      assert.equal(value.length, Math.min(name.length, 63))
      assert.match(value, /^[a-z0-9][-a-z0-9]*[a-z0-9]$/)
      if (name.length <= 63) assert.equal(value, name)
      else assert.equal(value.slice(0, 57), name.slice(0, 57))
    }),
  )
})

test('two long names that differ only at the end get two label values', () => {
  const start = 'x'.repeat(80)
  assert.notEqual(labelValue(`${start}-1`), labelValue(`${start}-2`))
})

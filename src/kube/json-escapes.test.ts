import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseJson, writeJson } from './json.ts'

test('objects are written with the escapes of the server, which keeps raw fields byte by byte', () => {
  const value = { data: { command: 'a && b > c', separator: '\u2028' } }
  assert.equal(writeJson(value), '{"data":{"command":"a \\u0026\\u0026 b \\u003e c","separator":"\\u2028"}}')
  assert.deepEqual(parseJson(writeJson(value)), value)
})

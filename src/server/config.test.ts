import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseAddress } from './config.ts'

test('an address is a host, maybe none, and a port', () => {
  assert.deepEqual(parseAddress(':8085'), { host: '', port: 8085 })
  assert.deepEqual(parseAddress('127.0.0.1:0'), { host: '127.0.0.1', port: 0 })
  assert.deepEqual(parseAddress('[::1]:8085'), { host: '::1', port: 8085 })
  for (const wrong of ['', '8085', 'host', 'host:', ':65536', '::1:80', 'host:80:80', ':-1', ':8e3', '[::1]']) {
    assert.equal(parseAddress(wrong), undefined, wrong)
  }
})

test('every host and port comes back from its address', () => {
  const host = fc.oneof(fc.domain(), fc.ipV4(), fc.ipV6(), fc.constant(''))
  fc.assert(
    fc.property(host, fc.nat({ max: 65_535 }), (host, port) => {
      const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
      assert.deepEqual(parseAddress(address), { host, port })
    }),
  )
})

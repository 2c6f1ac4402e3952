import assert from 'node:assert/strict'
import { test } from 'node:test'
import { proxyFromEnvironment } from './proxy.ts'

const server = 'https://api.shop.example:6443'
const through = (noProxy: string, to = server) =>
  proxyFromEnvironment(to, { HTTPS_PROXY: 'proxy.example:3128', NO_PROXY: noProxy }) !== undefined

test('NO_PROXY exempts names, suffixes, addresses, networks and ports as in Go', () => {
  assert.equal(proxyFromEnvironment(server, { https_proxy: 'proxy.example:3128' }), 'http://proxy.example:3128')
  for (const rule of ['*', 'shop.example', '.shop.example', 'x, api.shop.example', 'api.shop.example:6443'])
    assert.equal(through(rule), false, rule)
  for (const rule of ['', 'op.example', '.api.shop.example', 'api.shop.example:443'])
    assert.equal(through(rule), true, rule)
  assert.equal(through('10.0.0.0/8', 'https://10.1.2.3'), false)
  assert.equal(through('10.0.0.0/8', 'https://11.1.2.3'), true)
  assert.equal(through('fd00::/8', 'https://[fd00::1]:6443'), false)
})

test('loopback is never proxied, and an unknown kind of proxy is refused', () => {
  for (const host of ['localhost', '127.0.0.1', '[::1]']) assert.equal(through('', `https://${host}:6443`), false)
  assert.throws(() => proxyFromEnvironment(server, { HTTPS_PROXY: 'ftp://x' }), {
    name: 'KubeConfigError',
    problem: 'unsupported',
  })
})

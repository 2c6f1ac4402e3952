import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:https'
import { after, before, test } from 'node:test'
import { createAuthority, createServingCertificate, longValidity } from '#sandbox/certificate.ts'
import { UserError } from './exit.ts'
import { fetchUrl, type DownloadTrust } from './fetch-url.ts'

let url: string
let ca: string
let close: () => Promise<void>
before(async () => {
  const validity = longValidity(new Date())
  const authority = await createAuthority('bucket', validity)
  const { cert, key } = await createServingCertificate(authority, {
    commonName: '127.0.0.1',
    hosts: ['127.0.0.1'],
    validity,
  })
  const server = createServer({ cert, key }, (request, response) => {
    const status = request.url === '/there?secret=1' ? 200 : request.url === '/broken?secret=1' ? 500 : 404
    response.writeHead(status).end(status === 200 ? 'the file' : 'no')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `https://127.0.0.1:${(server.address() as { port: number }).port}`
  ca = authority.cert
  close = async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  }
})
after(() => close())

async function fetched(path: string, trust: Partial<DownloadTrust>): Promise<string | undefined> {
  const options = { trust: { ca: undefined, insecure: false, ...trust }, env: {}, signal: AbortSignal.timeout(20_000) }
  const bytes = await fetchUrl(`${url}${path}?secret=1`, options)
  return bytes && Buffer.concat(await Array.fromAsync(bytes)).toString()
}

test('a bucket is trusted for its authority, or blindly when that is asked for', async () => {
  assert.equal(await fetched('/there', { ca }), 'the file')
  assert.equal(await fetched('/there', { insecure: true }), 'the file')
})

test('a certificate that nobody vouches for is refused with the ways out, without the link itself', async () => {
  await assert.rejects(fetched('/there', {}), (error) => {
    assert.ok(error instanceof UserError, String(error))
    assert.match(error.message, /certificate.*--cacert FILE, or --insecure-skip-tls-verify/)
    assert.doesNotMatch(error.message, /secret/)
    return true
  })
})

test('what is not there is nothing; other answers are errors', async () => {
  assert.equal(await fetched('/gone', { ca }), undefined)
  await assert.rejects(fetched('/broken', { ca }), /failed: HTTP 500 no$/)
})

test('the proxy of the environment is used, but never for this machine', async () => {
  const env = { HTTPS_PROXY: 'http://127.0.0.1:1' }
  const options = { trust: { ca, insecure: false }, env, signal: AbortSignal.timeout(20_000) }
  assert.notEqual(await fetchUrl(`${url}/there?secret=1`, options), undefined)
  await assert.rejects(fetchUrl('https://bucket.example.com/x?secret=1', options), /cannot reach bucket\.example\.com/)
})

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTcpServer, type AddressInfo } from 'node:net'
import { after, before, suite, test } from 'node:test'
import { CreateBucketCommand, ListMultipartUploadsCommand, S3Client } from '@aws-sdk/client-s3'
import { storeContract } from '#store/contract.ts'
import { bytes, filler, rejectsWith, text } from '#store/contract-tools.ts'
import { storeFromLocation } from '#store/location.ts'
import { openStore } from '#store/open.ts'
import type { Environment } from '#store/store.ts'
import { s3Server } from '../support/s3-server.ts'

type Server = Awaited<ReturnType<typeof s3Server>>

const mebibyte = 1024 * 1024

for (const kind of ['versitygw', 'minio'] as const) {
  suite(`S3 on ${kind}`, { concurrency: false }, () => {
    let server: Server
    before(async () => {
      server = await s3Server(kind)
    })
    after(() => server[Symbol.asyncDispose]())

    storeContract(kind, () => freshStore(server), { streams: true })
    troubles(() => server)
    lostAnswers(() => server)
    listings(() => server)
    locations(() => server)
  })
}

/** The server's URL with another bucket, prefix or parameters. */
function urlOn(server: Server, change: { bucket?: string; prefix?: string; endpoint?: string } = {}): string {
  const url = new URL(server.url)
  const { bucket = url.host, prefix = randomBytes(6).toString('hex'), endpoint } = change
  if (endpoint !== undefined) url.searchParams.set('endpoint', endpoint)
  return `s3://${bucket}/${prefix}${url.search}`
}

function bucketOf(server: Server): string {
  return new URL(server.url).host
}

function rawClient(server: Server): S3Client {
  const { AWS_ACCESS_KEY_ID: accessKeyId = '', AWS_SECRET_ACCESS_KEY: secretAccessKey = '' } = server.env as Environment
  return new S3Client({
    endpoint: server.endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
  })
}

async function freshStore(server: Server) {
  const bucket = `b-${randomBytes(6).toString('hex')}`
  const client = rawClient(server)
  await client.send(new CreateBucketCommand({ Bucket: bucket }))
  const store = await openStore(urlOn(server, { bucket, prefix: 'some/prefix' }), { env: server.env })
  return {
    store,
    bucket,
    async leftovers() {
      const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket }))
      return Uploads.map(({ Key = '' }) => Key)
    },
    async [Symbol.asyncDispose]() {
      await store.close()
      client.destroy()
    },
  }
}

function troubles(server: () => Server): void {
  test('a bucket that is not there is told as such by every method', async () => {
    const store = await openStore(urlOn(server(), { bucket: 'not-there' }), { env: server().env })
    const words = /s3:\/\/not-there\/.*no such bucket: create it, or check its name/
    await rejectsWith('no-bucket', store.check({ write: false }), words)
    await rejectsWith('no-bucket', store.check({ write: true }), words)
    await rejectsWith('no-bucket', store.put('a', bytes('x')), words)
    await rejectsWith('no-bucket', store.put('a', filler(20 * mebibyte)), words)
    await rejectsWith('no-bucket', store.head('a'), words)
    await rejectsWith('no-bucket', Array.fromAsync(store.list('')), words)
    await rejectsWith('no-bucket', store.delete('a'), words)
    await rejectsWith('no-bucket', store.get('a'), words)
    await store.close()
  })

  test('a wrong key or secret is denied, and the message never holds them', async () => {
    const right = server().env as Environment
    for (const wrong of [
      { ...right, AWS_SECRET_ACCESS_KEY: 'very-wrong-secret' },
      { ...right, AWS_ACCESS_KEY_ID: 'nobody-we-know' },
    ]) {
      const store = await openStore(urlOn(server()), { env: wrong })
      await rejectsWith('denied', store.check({ write: false }), /check the access key and secret/)
      await rejectsWith('denied', store.put('a', bytes('x')), /^(?!.*(very-wrong-secret|nobody-we-know))/)
      await rejectsWith('denied', store.head('a'))
      await store.close()
    }
  })

  test('an endpoint where nothing listens is unreachable', async () => {
    const store = await openStore(urlOn(server(), { endpoint: `http://127.0.0.1:${await freePort()}` }), {
      env: server().env,
    })
    await rejectsWith('unreachable', store.check({ write: true }), /nothing listens there: check the endpoint/)
    await rejectsWith('unreachable', store.put('a', bytes('x')))
    await store.close()
  })

  test('https:// to a server that speaks http says so', async () => {
    const endpoint = server().endpoint.replace('http:', 'https:')
    const store = await openStore(urlOn(server(), { endpoint }), { env: server().env })
    await rejectsWith('unreachable', store.check({ write: false }), /does not speak TLS there/)
    await store.close()
  })

  test("the store's own signal ends every request", async () => {
    const abort = new AbortController()
    const store = await openStore(urlOn(server()), { env: server().env, signal: abort.signal })
    await store.put('a', bytes('x'))
    abort.abort()
    await assert.rejects(store.head('a'), { name: 'AbortError' })
    await assert.rejects(Array.fromAsync(store.list('')), { name: 'AbortError' })
    await store.close()
  })

  test('a pre-signed URL gives the object to anybody, until it expires', async () => {
    await using it = await freshStore(server())
    await it.store.put('backups/a/a logs+ä.gz', bytes('the log'))
    const url = (await it.store.presignGet('backups/a/a logs+ä.gz', 60)) ?? ''
    assert.equal(await (await fetch(url)).text(), 'the log')
    const forged = new URL(url)
    forged.searchParams.set('X-Amz-Expires', '600')
    assert.equal((await fetch(forged)).status, 403)
    const short = (await it.store.presignGet('backups/a/a logs+ä.gz', 1)) ?? ''
    await new Promise((resolve) => setTimeout(resolve, 2500))
    assert.equal((await fetch(short)).status, 403)
  })

  test('a prefix is a wall: stores in one bucket do not see each other', async () => {
    await using it = await freshStore(server())
    const other = await openStore(urlOn(server(), { bucket: it.bucket, prefix: 'some/pre' }), { env: server().env })
    const whole = await openStore(urlOn(server(), { bucket: it.bucket, prefix: '' }), { env: server().env })
    await it.store.put('a/b', bytes('x'))
    assert.deepEqual(await Array.fromAsync(other.list('')), [])
    assert.deepEqual(
      (await Array.fromAsync(whole.list(''))).map(({ key }) => key),
      ['some/prefix/a/b'],
    )
    assert.deepEqual(await Array.fromAsync(whole.folders('some/')), ['prefix'])
    await other.close()
    await whole.close()
  })
}

/** A proxy before the server; `spoil` may cut a connection off instead of passing an answer on. */
async function proxy(
  server: Server,
  spoil: (request: IncomingMessage, answer: IncomingMessage, response: ServerResponse) => boolean,
) {
  const target = new URL(server.endpoint)
  const listening = createServer((request, response) => {
    const { method, url: path, headers } = request
    const forwarded = httpRequest({ host: target.hostname, port: target.port, method, path, headers }, (answer) => {
      if (spoil(request, answer, response)) return
      response.writeHead(answer.statusCode ?? 500, answer.headers)
      answer.pipe(response)
    })
    forwarded.on('error', () => response.destroy())
    request.pipe(forwarded)
  })
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve))
  return {
    endpoint: `http://127.0.0.1:${(listening.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      listening.closeAllConnections()
      await new Promise((resolve) => listening.close(resolve))
    },
  }
}

function lostAnswers(server: () => Server): void {
  for (const size of [100, 20 * mebibyte]) {
    test(`an object of ${size} bytes whose answer was lost counts as put, once`, async () => {
      let lost = 0
      await using between = await proxy(server(), (request, answer, response) => {
        const commits =
          request.method === 'PUT' ? !request.url?.includes('uploadId') : /uploadId/.test(request.url ?? '')
        if (lost > 0 || !commits || request.method === 'DELETE' || answer.statusCode !== 200) return false
        lost++
        answer.resume().on('end', () => response.destroy())
        return true
      })
      const url = urlOn(server(), { endpoint: between.endpoint })
      const store = await openStore(url, { env: server().env })
      assert.equal(await store.put('a/b', filler(size)), size)
      assert.equal(lost, 1)
      assert.equal((await store.head('a/b'))?.size, size)
      await rejectsWith('exists', store.put('a/b', filler(size)))
      await store.close()
    })
  }

  test('a download that breaks off midway is taken up where it broke', async () => {
    let cuts = 0
    await using between = await proxy(server(), (request, answer, response) => {
      if (request.method !== 'GET' || !request.url?.includes('large') || cuts === 3) return false
      cuts++
      response.writeHead(answer.statusCode ?? 500, answer.headers)
      answer.once('data', (chunk) => response.write(chunk, () => setTimeout(() => response.destroy(), 20)))
      return true
    })
    const store = await openStore(urlOn(server(), { endpoint: between.endpoint }), { env: server().env })
    const size = 3 * mebibyte
    await store.put('large', filler(size))
    const expected = Buffer.concat(await Array.fromAsync(filler(size)))
    assert.ok(Buffer.concat(await Array.fromAsync(await store.get('large'))).equals(expected))
    assert.equal(cuts, 3)
    cuts = 0
    const part = await store.get('large', { range: { start: 1000, end: size - 1000 } })
    assert.ok(Buffer.concat(await Array.fromAsync(part)).equals(expected.subarray(1000, size - 999)))
    await store.close()
  })

  test('a server without conditional creates still never overwrites what is there', async () => {
    let refused = 0
    await using between = await proxy(server(), (request, answer, response) => {
      if (request.headers['if-none-match'] === undefined) return false
      refused++
      answer.resume()
      response.writeHead(501, { 'content-type': 'application/xml' })
      response.end('<Error><Code>NotImplemented</Code><Message>A header is not implemented</Message></Error>')
      return true
    })
    const store = await openStore(urlOn(server(), { endpoint: between.endpoint }), { env: server().env })
    await store.put('a', bytes('first'))
    await rejectsWith('exists', store.put('a', bytes('second')))
    await store.put('b', bytes('third'))
    assert.equal(await text(store, 'a'), 'first')
    assert.equal(await text(store, 'b'), 'third')
    assert.equal(refused > 0, true)
    await store.close()
  })
}

function listings(server: () => Server): void {
  test('a thousand folders cost one request', async () => {
    await using it = await freshStore(server())
    const names = Array.from({ length: 1050 }, (_, i) => `b${String(i).padStart(4, '0')}`)
    const waiting = names.values()
    const put = async (): Promise<void> => {
      for (const name of waiting) await it.store.put(`backups/${name}/velero-backup.json`, bytes('{}'))
    }
    await Promise.all(Array.from({ length: 16 }, put))
    const asked: string[] = []
    await using between = await proxy(server(), (request) => {
      asked.push(`${request.method} ${/list-type/.test(request.url ?? '') ? 'list' : request.url}`)
      return false
    })
    const url = urlOn(server(), { bucket: it.bucket, prefix: 'some/prefix', endpoint: between.endpoint })
    const store = await openStore(url, { env: server().env })
    assert.deepEqual(await Array.fromAsync(store.folders('backups/')), names)
    assert.deepEqual(asked, ['GET list', 'GET list'])
    await store.close()
  })

  test('a list that is cut off without a way on is no whole list', async () => {
    await using between = await proxy(server(), (_request, answer, response) => {
      answer.resume()
      response.writeHead(200, { 'content-type': 'application/xml' })
      const entry = '<CommonPrefixes><Prefix>p/backups/a/</Prefix></CommonPrefixes>'
      response.end(`<ListBucketResult><IsTruncated>true</IsTruncated>${entry}</ListBucketResult>`)
      return true
    })
    const url = urlOn(server(), { prefix: 'p', endpoint: between.endpoint })
    const store = await openStore(url, { env: server().env })
    await rejectsWith('unreachable', Array.fromAsync(store.folders('backups/')), /part of a list/)
    await rejectsWith('unreachable', Array.fromAsync(store.list('backups/')), /part of a list/)
    await store.close()
  })
}

function locations(server: () => Server): void {
  test('a BackupStorageLocation opens its store with the credentials of its Secret', async () => {
    const { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret } = server().env as Environment
    const location = {
      provider: 'velero.io/aws',
      objectStorage: { bucket: `/${bucketOf(server())}/`, prefix: '/from/location/' },
      config: {
        region: 'us-east-1',
        s3Url: server().endpoint,
        s3ForcePathStyle: 'true',
        publicUrl: server().endpoint.replace('127.0.0.1', 'localhost'),
        profile: 'backup',
        checksumAlgorithm: 'SHA256',
      },
    }
    const credentials = `[default]\naws_access_key_id = wrong\naws_secret_access_key = wrong\n\n[backup]\naws_access_key_id=${id}\naws_secret_access_key=${secret}\n`
    const store = await storeFromLocation(location, { credentials, env: {} })
    await store.put('backups/a/velero-backup.json', bytes('{}'))
    await store.put('large', filler(9 * mebibyte))
    const url = (await store.presignGet('backups/a/velero-backup.json', 60)) ?? ''
    assert.equal(new URL(url).hostname, 'localhost')
    assert.equal(await (await fetch(url)).text(), '{}')
    await store.close()
    const seen = await openStore(urlOn(server(), { prefix: 'from/location' }), { env: server().env })
    assert.equal(await text(seen, 'backups/a/velero-backup.json'), '{}')
    await seen.close()
    const wrong = await storeFromLocation(
      { ...location, config: { ...location.config, profile: 'default' } },
      { credentials, env: {} },
    )
    await rejectsWith('denied', wrong.check({ write: true }))
    await wrong.close()
  })

  test('credentials that only the SDK understands are read from the text too', async () => {
    const { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret } = server().env as Environment
    const answer = JSON.stringify({ Version: 1, AccessKeyId: id, SecretAccessKey: secret })
    const credentials = `[default]\ncredential_process = echo '${answer}'\n`
    const location = {
      provider: 'aws',
      objectStorage: { bucket: bucketOf(server()), prefix: 'process' },
      config: { region: 'us-east-1', s3Url: server().endpoint, s3ForcePathStyle: 'true' },
    }
    const store = await storeFromLocation(location, { credentials, env: {} })
    await store.check({ write: true })
    await store.close()
  })
}

async function freePort(): Promise<number> {
  const server = createTcpServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

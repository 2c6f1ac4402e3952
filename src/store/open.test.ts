import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rejectsWith } from '#store/contract-tools.ts'
import { storeFromLocation } from '#store/location.ts'
import { openStore } from '#store/open.ts'
import { partSize, mostParts } from '#store/s3-parts.ts'
import { parseIni } from '#store/s3-credentials.ts'

const env = {}
const opened = async (url: string) => {
  const store = await openStore(url, { env, cwd: '/work place' })
  await store.close()
  return store.url
}

test('a store is a directory, a file URL or a bucket', async () => {
  assert.equal(await opened('backups'), 'file:///work%20place/backups')
  assert.equal(await opened('/srv/backups'), 'file:///srv/backups')
  assert.equal(await opened('file:///srv/my%20backups'), 'file:///srv/my%20backups')
  assert.equal(await opened('s3://bucket'), 's3://bucket')
  assert.equal(
    await opened('s3://bucket/a/b/?endpoint=http://127.0.0.1:7070&region=us-east-1&pathStyle=true'),
    's3://bucket/a/b at http://127.0.0.1:7070',
  )
})

test('what names no store is refused with the reason', async () => {
  const refused: [string, RegExp][] = [
    ['', /the store is empty: give a directory/],
    ['gs://bucket', /no stores of kind gs:\/\//],
    ['file://host/dir', /write file:\/\/\/dir/],
    ['file:///dir?a=b', /has a query/],
    ['s3://', /names no bucket/],
    ['s3:///prefix', /names no bucket/],
    ['s3://b', /not the name of a bucket/],
    ['s3://bucket/../x/%2e%2e%2fy', /cannot be the key/],
    ['s3://bucket/p?regoin=x', /unknown parameter "regoin": known are caFile, .*region/],
    ['s3://bucket/p?region=a&region=b', /"region" twice/],
    ['s3://bucket/p?pathStyle=yes', /write true or false/],
    ['s3://bucket/p?checksumAlgorithm=MD5', /write CRC32, CRC32C/],
    ['s3://bucket/p?objectLockMode=governance&objectLockDays=1', /write GOVERNANCE or COMPLIANCE/],
    ['s3://bucket/p?objectLockDays=7', /objectLockMode is "": write/],
    ['s3://bucket/p?objectLockMode=COMPLIANCE', /objectLockDays is "": write a whole number of days/],
    ['s3://bucket/p?objectLockMode=COMPLIANCE&objectLockDays=99999', /from 1 to 36500/],
    ['s3://bucket/p?objectLockMode=COMPLIANCE&objectLockDays=1&checksumAlgorithm=', /demand a checksum/],
    ['s3://bucket/p?endpoint=localhost:9000', /is not an endpoint: write http/],
    ['s3://bucket/p?caFile=/not/there.pem', /not\/there\.pem/],
  ]
  for (const [url, words] of refused) await assert.rejects(openStore(url, { env }), words, url)
})

test('credentials in a URL are refused, and not repeated in the message', async () => {
  for (const url of ['s3://key:hush@bucket/p', 's3://bucket/p?endpoint=http://key:hush@host:9000']) {
    await rejectsWith('invalid', openStore(url, { env }), /^(?!.*hush).*holds credentials/)
  }
})

test('a location of a provider or with settings that are not known is refused', async () => {
  const objectStorage = { bucket: 'bucket' }
  const refused: [Parameters<typeof storeFromLocation>[0], RegExp][] = [
    [{ provider: 'gcp', objectStorage }, /provider "gcp" is not known/],
    [{ provider: 'aws' }, /names no bucket/],
    [{ provider: 'aws', objectStorage: { bucket: 'a/b' } }, /not the name of a bucket/],
    [{ provider: 'aws', objectStorage, config: { regoin: 'x' } }, /config has regoin/],
    [{ provider: 'aws', objectStorage, config: { s3ForcePathStyle: 'yes' } }, /write true or false/],
    [{ provider: 'aws', objectStorage, config: { signatureVersion: '2' } }, /signatureVersion 2 is not supported/],
    [{ provider: 'lifeboat.dev/file', objectStorage, config: { path: 'relative' } }, /absolute path/],
  ]
  for (const [location, words] of refused) await rejectsWith('invalid', storeFromLocation(location, { env }), words)
  const credentials = '[default]\naws_access_key_id = a\n'
  const location = { provider: 'aws', objectStorage, config: { profile: 'other' } }
  await rejectsWith('denied', storeFromLocation(location, { credentials, env }), /no profile "other"/)
})

test('a location of our own provider is its directory, whatever its bucket is called', async () => {
  const location = {
    provider: 'lifeboat.dev/file',
    objectStorage: { bucket: 'x', prefix: '/p/' },
    config: { path: '/srv/b' },
  }
  assert.equal((await storeFromLocation(location, { env })).url, 'file:///srv/b/p')
})

test('a credentials file is read by its sections', () => {
  const text = '# note\n[default]\r\naws_access_key_id = A=B\n; note\n[profile other]\nrole_arn=x\n'
  assert.deepEqual(Object.fromEntries(parseIni(text).get('default') ?? []), { aws_access_key_id: 'A=B' })
  assert.equal(parseIni(text).get('other')?.get('role_arn'), 'x')
})

test('ten thousand parts hold 302 GiB, and small archives need small parts', () => {
  let total = 0
  for (let number = 1; number <= mostParts; number++) total += partSize(number)
  assert.equal(Math.floor(total / 2 ** 30), 302)
  assert.equal(partSize(1), 5 * 2 ** 20)
  assert.ok(partSize(mostParts) <= 80 * 2 ** 20)
})

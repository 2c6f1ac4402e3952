// What a BackupStorageLocation can say about its bucket, on S3 servers that really look at it: authorities, credentials, encryption, classes.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { Agent } from 'node:https'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { HeadObjectCommand, S3Client, type HeadObjectCommandOutput } from '@aws-sdk/client-s3'
import type { BackupStorageLocation, BackupStorageLocationSpec } from '#api/backup-storage-location.ts'
import { locationStores } from '#controllers/location-stores.ts'
import { bytes, filler, mebibyte, rejectsWith, text } from '#store/contract-tools.ts'
import { openStore } from '#store/open.ts'
import type { ObjectStore } from '#store/store.ts'
import { scratchFolder } from '../support/cli.ts'
import { sharedCluster, testNamespace } from '../support/cluster.ts'
import { Secrets } from '../support/objects.ts'
import { kmsKey, s3Server, type S3Server } from '../support/s3-server.ts'

const { kube } = await sharedCluster()
after(() => kube.close())

for (const kind of ['versitygw', 'minio'] as const) {
  suite(`locations on ${kind} with TLS`, { concurrency: false }, () => {
    let server: S3Server
    before(async () => {
      server = await s3Server(kind, { tls: true })
    })
    after(() => server[Symbol.asyncDispose]())
    authorities(() => server)
    if (kind === 'minio') encryption(() => server)
  })
}

interface Site extends AsyncDisposable {
  /** Opens the location; Secrets `cloud`, `authority` and `customer` are there. */
  open(change?: Partial<BackupStorageLocationSpec> & { config?: Record<string, string> }): Promise<ObjectStore>
  readonly customerKey: Uint8Array
}

async function site(server: S3Server): Promise<Site> {
  const home = await testNamespace(kube)
  const namespace = home.name
  const { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret } = server.env
  const customerKey = randomBytes(32)
  const cloud = `[default]\naws_access_key_id=${id}\naws_secret_access_key=${secret}\n`
  for (const [name, key, content] of [
    ['cloud', 'cloud', Buffer.from(cloud)],
    ['authority', 'ca.crt', Buffer.from(server.authority)],
    ['customer', 'key', customerKey],
  ] as const) {
    const data = { [key]: content.toString('base64') }
    await kube.create(Secrets, { apiVersion: 'v1', kind: 'Secret', metadata: { name }, data }, { namespace })
  }
  const stores = locationStores(kube, { namespace, env: {} })
  const prefix = randomBytes(4).toString('hex')
  return {
    customerKey,
    open({ config, ...change } = {}) {
      const location: BackupStorageLocation = {
        apiVersion: 'velero.io/v1',
        kind: 'BackupStorageLocation',
        metadata: { name: 'secure' },
        spec: {
          provider: 'aws',
          objectStorage: { bucket: server.bucket, prefix, caCertRef: { name: 'authority', key: 'ca.crt' } },
          credential: { name: 'cloud', key: 'cloud' },
          config: { region: server.region, s3Url: server.endpoint, s3ForcePathStyle: 'True', ...config },
          ...change,
        },
      }
      return stores.open(location)
    },
    [Symbol.asyncDispose]: () => home[Symbol.asyncDispose](),
  }
}

function authorities(server: () => S3Server): void {
  test('an authority of its own is trusted where the location names it, in itself or in a Secret, and nowhere else', async () => {
    await using it = await site(server())
    const { bucket, authority } = server()
    const caCert = Buffer.from(authority).toString('base64')
    for (const objectStorage of [undefined, { bucket, caCert }]) {
      const store = await it.open(objectStorage && { objectStorage })
      await store.check({ write: true })
      await store.close()
    }
    const stranger = await it.open({ objectStorage: { bucket } })
    await rejectsWith('invalid', stranger.check({ write: false }), /certificate is not trusted .*caCert of a location/)
    await stranger.close()
    const careless = await it.open({ objectStorage: { bucket }, config: { insecureSkipTLSVerify: 'true' } })
    await careless.check({ write: true })
    await careless.close()
  })

  test('what a location names has to be there, and one thing is not said twice', async () => {
    await using it = await site(server())
    const { bucket } = server()
    const key = { name: 'authority', key: 'ca.crt' }
    await rejectsWith('invalid', it.open({ objectStorage: { bucket, caCert: 'YQ==', caCertRef: key } }), /keep one/)
    for (const [name, words] of [
      ['absent', /caCertRef of backup location "secure" names Secret .*\/absent: there is no such Secret/],
      ['cloud', /it has no key "ca\.crt"/],
    ] as const) {
      await rejectsWith('invalid', it.open({ objectStorage: { bucket, caCertRef: { ...key, name } } }), words)
    }
    const wrong = it.open({ config: { customerKeyEncryptionSecret: 'customer' } })
    await rejectsWith('invalid', wrong, /write SECRET\/KEY/)
    const twice = { customerKeyEncryptionSecret: 'customer/key', customerKeyEncryptionFile: '/key' }
    await rejectsWith('invalid', it.open({ config: twice }), /exclude each other/)
    const both = { customerKeyEncryptionSecret: 'customer/key', kmsKeyId: 'k' }
    await rejectsWith('invalid', it.open({ config: both }), /exclude each other/)
    const short = { customerKeyEncryptionSecret: 'cloud/cloud' }
    await rejectsWith('invalid', it.open({ config: short }), /it must have exactly 32/)
  })

  test('credentials can lie in a file of the server', async () => {
    await using it = await site(server())
    await using folder = await scratchFolder()
    const { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret } = server().env
    const path = join(folder.path, 'cloud')
    await writeFile(path, `[other]\naws_access_key_id=${id}\naws_secret_access_key=${secret}\n`)
    const store = await it.open({ credential: undefined, config: { credentialsFile: path, profile: 'other' } })
    await store.check({ write: true })
    await store.close()
  })
}

async function headOf(server: S3Server, store: ObjectStore, key: string): Promise<HeadObjectCommandOutput> {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = server.env
  const { endpoint, region, authority: ca, bucket } = server
  const client = new S3Client({
    endpoint,
    region,
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
    requestHandler: { httpsAgent: new Agent({ ca }) },
  })
  const prefix = new URL(store.url.split(' ')[0] ?? '').pathname.slice(1)
  try {
    return await client.send(new HeadObjectCommand({ Bucket: bucket, Key: `${prefix}/${key}` }))
  } finally {
    client.destroy()
  }
}

function encryption(server: () => S3Server): void {
  test('objects are encrypted and classed as the location says', async () => {
    await using it = await site(server())
    for (const [config, expected] of [
      [{ serverSideEncryption: 'AES256' }, 'AES256'],
      [{ kmsKeyId: kmsKey }, 'aws:kms'],
    ] as const) {
      const store = await it.open({ config: { ...config, storageClass: 'REDUCED_REDUNDANCY' } })
      await store.put(`small-${expected}`, bytes('x'))
      await store.put(`large-${expected}`, filler(9 * mebibyte))
      for (const key of [`small-${expected}`, `large-${expected}`]) {
        const head = await headOf(server(), store, key)
        assert.equal(head.ServerSideEncryption, expected)
        assert.equal(head.StorageClass, 'REDUCED_REDUNDANCY')
      }
      await store.close()
    }
  })

  test("objects under a customer's key are read with it only, whole, in parts and through the CLI's URL", async () => {
    await using it = await site(server())
    const config = { customerKeyEncryptionSecret: 'customer/key' }
    const store = await it.open({ config })
    await store.check({ write: true })
    await store.put('backups/a/velero-backup.json', bytes('{}'))
    assert.equal(await store.put('large', filler(20 * mebibyte)), 20 * mebibyte)
    await rejectsWith('exists', store.put('backups/a/velero-backup.json', bytes('[]')))
    assert.equal(await text(store, 'backups/a/velero-backup.json'), '{}')
    assert.equal((await store.head('large'))?.size, 20 * mebibyte)
    const part = await store.get('large', { range: { start: 10 * mebibyte, end: 10 * mebibyte + 9 } })
    assert.equal(Buffer.concat(await Array.fromAsync(part)).byteLength, 10)
    // Nobody could follow a URL without the key: the server hands the file out itself.
    assert.equal(await store.presignGet('large', 60), undefined)
    await store.close()

    const keyless = await it.open()
    await assert.rejects(text(keyless, 'backups/a/velero-backup.json'), { name: 'StoreError' })
    assert.deepEqual(await Array.fromAsync(keyless.folders('backups/')), ['a'])
    await keyless.close()

    await using folder = await scratchFolder()
    const [caFile, customerKeyFile] = [join(folder.path, 'ca'), join(folder.path, 'key')]
    await writeFile(caFile, server().authority)
    await writeFile(customerKeyFile, it.customerKey)
    const url = new URL(`s3://${server().bucket}/${new URL(store.url.split(' ')[0] ?? '').pathname.slice(1)}`)
    const query = new URLSearchParams({ endpoint: server().endpoint, region: server().region, caFile, customerKeyFile })
    const direct = await openStore(`${url.href}?${query}`, { env: server().env })
    assert.equal(await text(direct, 'backups/a/velero-backup.json'), '{}')
    await direct.close()
  })
}

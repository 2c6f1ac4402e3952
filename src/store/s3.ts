import { randomUUID } from 'node:crypto'
import { checkKey, keyProblem, reservedSegment } from '#store/key.ts'
import { backupsPrefix } from '#store/layout.ts'
import { checkRange } from '#store/range.ts'
import { openBucket, type Bucket, type S3Options } from '#store/s3-bucket.ts'
import { download } from '#store/s3-download.ts'
import { listPages } from '#store/s3-list.ts'
import { s3Locks } from '#store/s3-locks.ts'
import { upload, type Conditions } from '#store/s3-upload.ts'
import { StoreError, type ObjectStore } from '#store/store.ts'

/** The longest life S3 gives a pre-signed URL, in seconds. */
const longestLife = 7 * 24 * 60 * 60

/** The store in a bucket of AWS S3 or of a server that speaks its language. Makes no request; rejects with 'invalid' or 'denied' for settings that cannot work. */
export async function s3Store(options: S3Options): Promise<ObjectStore> {
  const bucket = await openBucket(options)
  const { sdk, client } = bucket
  const conditions: Conditions = { supported: true }
  const fields = (key: string) => ({ Bucket: bucket.name, Key: bucket.prefix + key })

  return {
    url: bucket.url,
    async put(key, body, { signal } = {}) {
      checkFullKey(bucket, key)
      return upload(bucket, { key, body, signal, conditions })
    },
    async get(key, { range, signal } = {}) {
      checkFullKey(bucket, key)
      checkRange(range, key)
      return download(bucket, { key, range, signal })
    },
    async head(key) {
      checkFullKey(bucket, key)
      try {
        const found = await bucket.ask(`look for ${key}`, (options) =>
          client.send(new sdk.HeadObjectCommand({ ...fields(key), ...bucket.unlocking }), options),
        )
        return { key, size: found.ContentLength ?? 0, modified: found.LastModified ?? new Date(0) }
      } catch (error) {
        if (!(error instanceof StoreError && error.problem === 'missing')) throw error
        await proveBucket(bucket)
        return undefined
      }
    },
    async *list(prefix) {
      for await (const page of listPages(bucket, prefix)) {
        for (const { Key = '', Size = 0, LastModified = new Date(0) } of page.Contents ?? []) {
          const key = Key.slice(bucket.prefix.length)
          // Consoles make empty objects like `a/` to show a folder; they are none of ours.
          if (keyProblem(key) === undefined) yield { key, size: Size, modified: LastModified }
        }
      }
    },
    async *folders(prefix) {
      for await (const page of listPages(bucket, prefix, '/')) {
        const above = bucket.prefix.length + prefix.length
        for (const { Prefix = '' } of page.CommonPrefixes ?? []) yield Prefix.slice(above, -1)
      }
    },
    async delete(key) {
      checkFullKey(bucket, key)
      try {
        await bucket.ask(`delete ${key}`, (options) => client.send(new sdk.DeleteObjectCommand(fields(key)), options))
      } catch (error) {
        if (!(error instanceof StoreError && error.problem === 'missing')) throw error
      }
    },
    async presignGet(key, seconds) {
      checkFullKey(bucket, key)
      // Whoever follows the URL would have to send the key along.
      if (bucket.unlocking.SSECustomerKey !== undefined) return undefined
      const { getSignedUrl } = await import('@aws-sdk/s3-request-presigner')
      const expiresIn = Math.min(seconds, longestLife)
      return bucket.ask(`sign a URL for ${key}`, async () =>
        getSignedUrl(await bucket.signer(), new sdk.GetObjectCommand(fields(key)), { expiresIn }),
      )
    },
    async check({ write }) {
      await proveBucket(bucket)
      if (write) await proveWriting(bucket)
    },
    locks: s3Locks(bucket),
    close: () => bucket.close(),
  }
}

function checkFullKey(bucket: Bucket, key: string): void {
  checkKey(key)
  if (bucket.prefix !== '') checkKey(bucket.prefix + key) // the limit on length is for both together
}

// HEAD has no body to name what is missing, so a missing bucket looks like a missing object until a list tells them apart.
async function proveBucket(bucket: Bucket): Promise<void> {
  const input = { Bucket: bucket.name, Prefix: bucket.prefix, MaxKeys: 1 }
  await bucket.ask('list objects', (options) => bucket.client.send(new bucket.sdk.ListObjectsV2Command(input), options))
}

// An upload that is begun and ended needs the right to write, but makes no object: in a locked bucket a probe would stay for years.
async function proveWriting(bucket: Bucket): Promise<void> {
  const { sdk, client } = bucket
  const probe = { Bucket: bucket.name, Key: `${bucket.prefix}${reservedSegment}check-${randomUUID()}` }
  const begun = await bucket.ask('write objects', () =>
    client.send(new sdk.CreateMultipartUploadCommand({ ...probe, ...bucket.making, ...bucket.locking(backupsPrefix) })),
  )
  await bucket.ask('end an upload (s3:AbortMultipartUpload)', () =>
    client.send(new sdk.AbortMultipartUploadCommand({ ...probe, UploadId: begun.UploadId })),
  )
}

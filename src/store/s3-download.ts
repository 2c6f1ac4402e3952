import { setTimeout as sleep } from 'node:timers/promises'
import type { GetObjectCommandOutput } from '@aws-sdk/client-s3'
import type { Bucket } from '#store/s3-bucket.ts'
import { s3Error } from '#store/s3-error.ts'
import { StoreError, type ByteRange } from '#store/store.ts'

interface Wanted {
  key: string
  range: ByteRange | undefined
  signal: AbortSignal | undefined
}

/** The bytes of an object; see `ObjectStore.get`. When the connection breaks, what is missing is asked for again, of the same version of the object. */
export async function download(bucket: Bucket, wanted: Wanted): Promise<AsyncIterable<Uint8Array>> {
  const answer = await getObject(bucket, wanted)
  return readOn(bucket, wanted, answer)
}

const mostFailures = 5

async function* readOn(bucket: Bucket, wanted: Wanted, first: GetObjectCommandOutput): AsyncGenerator<Uint8Array> {
  const { key, range, signal } = wanted
  const start = range?.start ?? 0
  const end = start + (first.ContentLength ?? Number.NaN) - 1
  let answer: GetObjectCommandOutput | undefined = first
  let at = start
  let failures = 0
  while (!(at > end)) {
    try {
      answer ??= await getObject(bucket, { ...wanted, range: { start: at, end } }, first.ETag)
      for await (const chunk of answer.Body as AsyncIterable<Uint8Array>) {
        signal?.throwIfAborted()
        at += chunk.byteLength
        failures = 0
        yield chunk
      }
      if (at <= end)
        throw new StoreError('unreachable', `${key} from ${bucket.url} ended ${end + 1 - at} bytes early: try again`)
      return
    } catch (error) {
      signal?.throwIfAborted()
      const problem = s3Error(error, { doing: `read ${key}`, bucket: bucket.name, url: bucket.url })
      const again = problem instanceof StoreError && problem.worthRetrying && Number.isFinite(end)
      if (!again || ++failures === mostFailures) throw problem
      answer = undefined
      await sleep(100 * 2 ** failures, undefined, { signal })
    }
  }
}

async function getObject(
  bucket: Bucket,
  { key, range, signal }: Wanted,
  etag?: string,
): Promise<GetObjectCommandOutput> {
  const input = {
    Bucket: bucket.name,
    Key: bucket.prefix + key,
    ...bucket.unlocking,
    ...(range && { Range: `bytes=${range.start}-${range.end}` }),
    ...(etag && { IfMatch: etag }),
  }
  return bucket.ask(
    `read ${key}`,
    (options) => bucket.client.send(new bucket.sdk.GetObjectCommand(input), options),
    signal,
  )
}

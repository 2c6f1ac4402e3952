import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { CompletedPart } from '@aws-sdk/client-s3'
import { bodyChunks } from '#store/body.ts'
import type { Bucket } from '#store/s3-bucket.ts'
import { isNotImplemented } from '#store/s3-error.ts'
import { cutParts, free, mostParts, type Part } from '#store/s3-parts.ts'
import { StoreError, type Bytes } from '#store/store.ts'

/** How many parts travel at once; only when one of them has arrived is the next one filled, so that no more than these are in memory. */
const partsAtOnce = 2

/** Metadata that tells our own object from another writer's when an answer was lost. */
const markName = 'lifeboat-put'

interface Target {
  bucket: Bucket
  /** Relative to the store's prefix. */
  key: string
  /** The value of `markName`. */
  mark: string
  signal: AbortSignal | undefined
}

/** Whether the server knows conditional creates; found out by the first put that it refuses. */
export interface Conditions {
  supported: boolean
}

/** Makes the object `key` from `body`, in one request when it is short and in parts else; see `ObjectStore.put`. */
export async function upload(
  bucket: Bucket,
  {
    key,
    body,
    signal,
    conditions,
  }: { key: string; body: Bytes; signal: AbortSignal | undefined; conditions: Conditions },
): Promise<number> {
  const target: Target = { bucket, key, mark: randomUUID(), signal }
  // Asked in any case: a server that ignores the condition would overwrite, and a body is not read in vain.
  if ((await present(target)) !== undefined) throw taken(target)
  const parts = cutParts(bodyChunks(body, signal))
  try {
    const first = await parts.next()
    if (first.done === true) throw new Error('a body has at least one part')
    return first.value.last
      ? await uploadWhole(target, first.value, conditions)
      : await uploadInParts(target, { first: first.value, parts, conditions })
  } finally {
    await parts.return(undefined)
  }
}

type Condition = { IfNoneMatch?: '*' }

async function uploadWhole(target: Target, part: Part, conditions: Conditions): Promise<number> {
  const { bytes } = part
  const size = bytes.byteLength
  await commit(target, conditions, (condition) => putWhole(target, { bytes, condition }))
  free(part)
  return size
}

async function putWhole(
  target: Target,
  { bytes, condition }: { bytes: Uint8Array; condition: Condition },
): Promise<void> {
  const { bucket, signal } = target
  const input = {
    ...objectFields(target),
    ...bucket.making,
    ...bucket.locking(target.key),
    ...condition,
    Metadata: { [markName]: target.mark },
  }
  await bucket.ask(
    `write ${target.key}`,
    (options) => bucket.client.send(new bucket.sdk.PutObjectCommand({ ...input, Body: bytes }), options),
    signal,
  )
}

interface Upload {
  first: Part
  parts: AsyncIterable<Part>
  conditions: Conditions
}

async function uploadInParts(target: Target, { first, parts, conditions }: Upload): Promise<number> {
  const { bucket, signal } = target
  const id = await beginUpload(target)
  const stop = new AbortController()
  const partSignal = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal])
  const travelling = new Set<Promise<void>>()
  const done: CompletedPart[] = []
  let size = 0
  let failure: { error: unknown } | undefined

  async function send(part: Part): Promise<void> {
    if (part.number > mostParts) throw tooLong(target)
    size += part.bytes.byteLength
    const sending = uploadPart(target, { id, part, signal: partSignal })
      .then((completed) => {
        done.push(completed)
        // Not when it has failed: it may still be on its way.
        free(part)
      })
      .catch((error: unknown) => {
        failure ??= { error }
      })
      .finally(() => travelling.delete(sending))
    travelling.add(sending)
    if (travelling.size >= partsAtOnce) await Promise.race(travelling)
    if (failure !== undefined) throw failure.error
  }

  try {
    await send(first)
    for await (const part of parts) if (part.bytes.byteLength > 0) await send(part)
    await Promise.all(travelling)
    if (failure !== undefined) throw failure.error
    signal?.throwIfAborted()
    const inOrder = done.toSorted((a, b) => (a.PartNumber ?? 0) - (b.PartNumber ?? 0))
    await commit(target, conditions, (condition) => completeUpload(target, { id, parts: inOrder, condition }))
    return size
  } catch (error) {
    // A part that arrives after the abort would stay, and be paid for: first they all end.
    stop.abort()
    await Promise.all(travelling)
    await bucket.client
      .send(new bucket.sdk.AbortMultipartUploadCommand({ ...objectFields(target), UploadId: id }))
      .catch(() => {}) // the first error says more; the bucket's lifecycle rule removes what is left
    throw error
  }
}

async function beginUpload(target: Target): Promise<string> {
  const { bucket, signal, key } = target
  const input = {
    ...objectFields(target),
    ...bucket.making,
    ...bucket.locking(target.key),
    Metadata: { [markName]: target.mark },
  }
  // Without the signal: an answer that nobody waits for would leave an upload that nobody can end.
  const { UploadId } = await bucket.ask(`write ${key}`, () =>
    bucket.client.send(new bucket.sdk.CreateMultipartUploadCommand(input)),
  )
  if (UploadId === undefined)
    throw new StoreError('invalid', `${bucket.url} began an upload of ${key} without naming it`)
  signal?.throwIfAborted()
  return UploadId
}

async function uploadPart(
  target: Target,
  { id, part, signal }: { id: string; part: Part; signal: AbortSignal },
): Promise<CompletedPart> {
  const { bucket } = target
  const { ChecksumAlgorithm } = bucket.making
  const input = {
    ...objectFields(target),
    ...bucket.unlocking,
    UploadId: id,
    PartNumber: part.number,
    Body: part.bytes,
    ...(ChecksumAlgorithm && { ChecksumAlgorithm }),
  }
  const answer = await bucket.ask(
    `write part ${part.number} of ${target.key}`,
    (options) => bucket.client.send(new bucket.sdk.UploadPartCommand(input), options),
    signal,
  )
  const { ETag, ChecksumCRC32, ChecksumCRC32C, ChecksumSHA1, ChecksumSHA256 } = answer
  return { PartNumber: part.number, ETag, ChecksumCRC32, ChecksumCRC32C, ChecksumSHA1, ChecksumSHA256 }
}

// Without the signal: it is short, and its end would be unknown.
async function completeUpload(
  target: Target,
  { id, parts, condition }: { id: string; parts: CompletedPart[]; condition: Condition },
): Promise<void> {
  const { bucket } = target
  const upload = { UploadId: id, MultipartUpload: { Parts: parts } }
  const input = { ...objectFields(target), ...bucket.unlocking, ...condition, ...upload }
  await bucket.ask(`write ${target.key}`, () =>
    bucket.client.send(new bucket.sdk.CompleteMultipartUploadCommand(input)),
  )
}

/**
 * Makes the object appear by `request`, on condition that there is none. When that fails, the object itself says whether it is ours:
 * the SDK repeats requests whose answer was lost, and the repetition finds the key taken by the first.
 */
async function commit(
  target: Target,
  conditions: Conditions,
  request: (condition: Condition) => Promise<void>,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await request(conditions.supported ? { IfNoneMatch: '*' } : {})
    } catch (error) {
      if (conditions.supported && isNotImplemented(error)) {
        conditions.supported = false // the look before the upload is all that such a server offers
        continue
      }
      const found = await present(target).catch(() => undefined)
      if (found === target.mark) return
      if (found !== undefined) throw taken(target, error)
      if (!(error instanceof StoreError && error.problem === 'busy') || attempt === 3) throw error
      await sleep(200 * attempt)
    }
  }
}

/** The mark of the object that has the key now, '' for one without; undefined when there is none, or nobody may know. */
async function present(target: Target): Promise<string | undefined> {
  const { bucket, key } = target
  const input = { ...objectFields(target), ...bucket.unlocking }
  try {
    const { Metadata } = await bucket.ask(`look for ${key}`, (options) =>
      bucket.client.send(new bucket.sdk.HeadObjectCommand(input), options),
    )
    return Metadata?.[markName] ?? ''
  } catch (error) {
    // Who may write but not list is told 403 for an object that is not there; the upload will say what is wrong.
    if (error instanceof StoreError && (error.problem === 'missing' || error.problem === 'denied')) return undefined
    throw error
  }
}

function objectFields({ bucket, key }: Target): { Bucket: string; Key: string } {
  return { Bucket: bucket.name, Key: bucket.prefix + key }
}

function taken({ bucket, key }: Target, cause?: unknown): StoreError {
  return new StoreError('exists', `${key} is already in ${bucket.url}: an object is never overwritten`, { cause })
}

function tooLong({ bucket, key }: Target): StoreError {
  return new StoreError(
    'invalid',
    `${key} is too large for ${bucket.url}: an object may have 302 GiB; back up less at once`,
  )
}

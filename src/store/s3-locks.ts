import type { GetObjectLockConfigurationCommandOutput } from '@aws-sdk/client-s3'
import { isNotImplemented } from '#store/s3-error.ts'
import type { Bucket } from '#store/s3-bucket.ts'
import { listPages, versionPages } from '#store/s3-list.ts'
import { StoreError, type ObjectLock, type ObjectLocks, type Protection } from '#store/store.ts'

/** What a bucket knows of versions and locks (S3 Object Lock). */
export function s3Locks(bucket: Bucket): ObjectLocks {
  return {
    async longest(prefix) {
      let longest: ObjectLock | undefined
      for await (const version of bucket.locks ? everyVersion(bucket, prefix) : everyObject(bucket, prefix)) {
        const lock = version.isMarker ? undefined : await lockOf(bucket, version)
        if (lock !== undefined && holdsLonger(lock, longest)) longest = lock
      }
      return longest
    },
    async purge(prefix) {
      if (!bucket.locks) return
      const failures: unknown[] = []
      for await (const { key, id } of everyVersion(bucket, prefix)) {
        const input = { Bucket: bucket.name, Key: bucket.prefix + key, ...(id && { VersionId: id }) }
        await bucket
          .ask(`delete a version of ${key} (s3:DeleteObjectVersion)`, (options) =>
            bucket.client.send(new bucket.sdk.DeleteObjectCommand(input), options),
          )
          .catch((error: unknown) => failures.push(error))
      }
      if (failures.length > 0) throw failures[0]
    },
    protection: () => protectionOf(bucket),
  }
}

interface Version {
  readonly key: string
  /** Undefined for whatever version is the present one. */
  readonly id: string | undefined
  /** Nothing but the word that something was deleted. */
  readonly isMarker: boolean
}

async function* everyObject(bucket: Bucket, prefix: string): AsyncGenerator<Version> {
  for await (const page of listPages(bucket, prefix)) {
    for (const { Key = '' } of page.Contents ?? []) {
      yield { key: Key.slice(bucket.prefix.length), id: undefined, isMarker: false }
    }
  }
}

async function* everyVersion(bucket: Bucket, prefix: string): AsyncGenerator<Version> {
  for await (const { Versions = [], DeleteMarkers = [] } of versionPages(bucket, prefix)) {
    for (const [versions, isMarker] of [[Versions, false] as const, [DeleteMarkers, true] as const]) {
      for (const { Key = '', VersionId: id } of versions) {
        yield { key: Key.slice(bucket.prefix.length), id, isMarker }
      }
    }
  }
}

/** The lock of one version; none when it does not hold any more, or when nobody may know. */
async function lockOf(bucket: Bucket, { key, id }: Version): Promise<ObjectLock | undefined> {
  const input = { Bucket: bucket.name, Key: bucket.prefix + key, ...(id && { VersionId: id }), ...bucket.unlocking }
  try {
    const found = await bucket.ask(`look for the lock of ${key}`, (options) =>
      bucket.client.send(new bucket.sdk.HeadObjectCommand(input), options),
    )
    if (found.ObjectLockLegalHoldStatus === 'ON') return { key, until: undefined }
    const until = found.ObjectLockRetainUntilDate
    return until !== undefined && until.getTime() > Date.now() ? { key, until } : undefined
  } catch (error) {
    if (error instanceof StoreError && error.problem === 'missing') return undefined
    throw error
  }
}

function holdsLonger(one: ObjectLock, other: ObjectLock | undefined): boolean {
  if (other === undefined) return true
  if (one.until === undefined || other.until === undefined) return other.until !== undefined
  return one.until > other.until
}

async function protectionOf(bucket: Bucket): Promise<Protection> {
  const { client, sdk, name: Bucket } = bucket
  const versioning = await answered(
    bucket.ask('ask for versioning', (options) => client.send(new sdk.GetBucketVersioningCommand({ Bucket }), options)),
  )
  const lock = await answered(
    bucket.ask('ask for locks', (options) =>
      client.send(new sdk.GetObjectLockConfigurationCommand({ Bucket }), options),
    ),
  )
  return {
    versions: versioning === 'denied' ? undefined : versioning?.Status === 'Enabled',
    locks: lock === 'denied' && !bucket.locks ? undefined : locksOf(lock, bucket),
  }
}

function locksOf(
  lock: GetObjectLockConfigurationCommandOutput | 'denied' | undefined,
  bucket: Bucket,
): Protection['locks'] {
  const { ObjectLockEnabled, Rule } = (lock === 'denied' ? undefined : lock?.ObjectLockConfiguration) ?? {}
  if (bucket.locks || (ObjectLockEnabled === 'Enabled' && Rule !== undefined)) return 'used'
  return ObjectLockEnabled === 'Enabled' ? 'possible' : 'none'
}

/** Undefined when the bucket has no such thing, or the server knows of none. */
async function answered<T>(question: Promise<T>): Promise<T | 'denied' | undefined> {
  try {
    return await question
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    if (error.problem === 'denied') return 'denied'
    if (error.problem === 'missing' || error.problem === 'invalid' || isNotImplemented(error)) return undefined
    throw error
  }
}

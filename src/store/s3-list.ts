import type { ListObjectsV2CommandOutput, ListObjectVersionsCommandOutput } from '@aws-sdk/client-s3'
import { checkPrefix } from '#store/key.ts'
import type { Bucket } from '#store/s3-bucket.ts'
import { StoreError } from '#store/store.ts'

/** The pages of a list of everything below `prefix`, or with a delimiter of the next segments only. */
export async function* listPages(
  bucket: Bucket,
  prefix: string,
  delimiter?: string,
): AsyncGenerator<ListObjectsV2CommandOutput> {
  checkPrefix(prefix)
  const input = { Bucket: bucket.name, Prefix: bucket.prefix + prefix, ...(delimiter && { Delimiter: delimiter }) }
  let token: string | undefined
  do {
    const next = { ...input, ...(token && { ContinuationToken: token }) }
    const page = await bucket.ask(`list ${prefix || 'objects'}`, (options) =>
      bucket.client.send(new bucket.sdk.ListObjectsV2Command(next), options),
    )
    yield page
    token = followedBy(page, bucket)
  } while (token !== undefined)
}

// A list that is cut off without a way on must not pass for a whole one: whoever compares it with something would see objects gone.
function followedBy(page: ListObjectsV2CommandOutput, { url }: Bucket): string | undefined {
  if (page.IsTruncated !== true) return undefined
  if (page.NextContinuationToken) return page.NextContinuationToken
  throw new StoreError('unreachable', `${url} sent a part of a list and no token for the rest: try again`)
}

/** The pages of a list of all versions below `prefix`, those that say that something was deleted among them. */
export async function* versionPages(bucket: Bucket, prefix: string): AsyncGenerator<ListObjectVersionsCommandOutput> {
  checkPrefix(prefix)
  let next: { KeyMarker: string; VersionIdMarker?: string | undefined } | undefined
  do {
    const { KeyMarker, VersionIdMarker } = next ?? {}
    const input = {
      Bucket: bucket.name,
      Prefix: bucket.prefix + prefix,
      ...(KeyMarker && { KeyMarker }),
      ...(VersionIdMarker && { VersionIdMarker }),
    }
    const page = await bucket.ask(`list versions of ${prefix || 'objects'}`, (options) =>
      bucket.client.send(new bucket.sdk.ListObjectVersionsCommand(input), options),
    )
    yield page
    next =
      page.IsTruncated === true && page.NextKeyMarker
        ? { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker }
        : undefined
  } while (next !== undefined)
}

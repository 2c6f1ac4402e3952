import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fileStore } from '#store/file.ts'
import { withFileErrors } from '#store/file-error.ts'
import type { ChecksumAlgorithm, ObjectLockSettings } from '#store/s3-bucket.ts'
import { s3Store } from '#store/s3.ts'
import { StoreError, type Environment, type ObjectStore } from '#store/store.ts'

export interface OpenOptions {
  /** Credentials, proxies and defaults of S3. */
  env: Environment
  /** What relative directories start from; the default is the process's working directory. */
  cwd?: string | undefined
  /** Ends every request to an S3 server. */
  signal?: AbortSignal | undefined
}

/**
 * Opens the store that `url` names: a directory (`DIR`, `file:///dir`) or a bucket (`s3://bucket/prefix?…`, see `s3Parameters`).
 * Touches neither disk nor network beyond the files that the URL names; `check` does. Rejects with 'invalid' for what names no store, and for credentials in the URL.
 */
export async function openStore(url: string, options: OpenOptions): Promise<ObjectStore> {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(url)?.[1]?.toLowerCase()
  if (url === '') throw new StoreError('invalid', `the store is empty: ${forms}`)
  if (scheme === 's3') return openS3(url, options)
  if (scheme === 'file') return fileStore(directoryOf(url))
  if (scheme !== undefined) throw new StoreError('invalid', `there are no stores of kind ${scheme}:// : ${forms}`)
  if (url.startsWith('file:')) throw new StoreError('invalid', `${url} is not a file URL: ${forms}`)
  return fileStore(resolve(options.cwd ?? '.', url))
}

const forms = 'give a directory, file:///dir or s3://bucket/prefix'

/** The query parameters of `s3://` URLs, in alphabetical order; `S3Options` says what they mean. */
export const s3Parameters = [
  'caFile',
  'checksumAlgorithm',
  'customerKeyFile',
  'endpoint',
  'insecureSkipTLSVerify',
  'kmsKeyId',
  'objectLockDays',
  'objectLockMode',
  'pathStyle',
  'profile',
  'publicUrl',
  'region',
  'serverSideEncryption',
  'storageClass',
  'tagging',
] as const

function directoryOf(url: string): string {
  try {
    const parsed = new URL(url)
    if (parsed.search === '' && parsed.hash === '') return fileURLToPath(parsed)
  } catch (error) {
    throw new StoreError('invalid', `${url} is not a file URL for this machine: write file:///dir`, { cause: error })
  }
  throw new StoreError(
    'invalid',
    `${url} has a query or fragment, which a directory does not take: write %3F for "?" and %23 for "#"`,
  )
}

async function openS3(text: string, { env, signal }: OpenOptions): Promise<ObjectStore> {
  const url = URL.parse(text)
  if (url === null || url.host === '')
    throw new StoreError('invalid', `the store names no bucket: write s3://bucket/prefix`)
  if (url.username !== '' || url.password !== '') {
    throw new StoreError(
      'invalid',
      `the URL of the store in ${url.host} holds credentials, which others can read: take them out and set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY`,
    )
  }
  if (url.hash !== '') throw new StoreError('invalid', `${text} has a fragment: write %23 for "#"`)
  const given = parameters(url)
  const { caFile, customerKeyFile, pathStyle, insecureSkipTLSVerify, objectLockMode, objectLockDays, ...settings } =
    given
  return s3Store({
    ...settings,
    bucket: url.host,
    prefix: decoded(url.pathname),
    // Servers that are not AWS seldom have a host name for each bucket.
    pathStyle: flag('pathStyle', pathStyle) ?? given.endpoint !== undefined,
    insecureSkipTLSVerify: flag('insecureSkipTLSVerify', insecureSkipTLSVerify),
    checksumAlgorithm: checksum(given.checksumAlgorithm),
    objectLock: objectLock(objectLockMode, objectLockDays),
    caCert: caFile && (await fileOf(caFile)).toString(),
    customerKey: customerKeyFile ? await fileOf(customerKeyFile) : undefined,
    env,
    signal,
  })
}

/** The content of a file that a setting names. */
export async function fileOf(path: string): Promise<Buffer> {
  return await withFileErrors({ doing: 'read', path }, () => readFile(path))
}

type Parameters = Partial<Record<(typeof s3Parameters)[number], string>>

function parameters(url: URL): Parameters {
  const given: Parameters = {}
  for (const [name, value] of url.searchParams) {
    const known = s3Parameters.find((known) => known === name)
    if (known === undefined) {
      throw new StoreError(
        'invalid',
        `the store in ${url.host} has an unknown parameter "${name}": known are ${s3Parameters.join(', ')}`,
      )
    }
    if (known in given) throw new StoreError('invalid', `the store in ${url.host} has "${name}" twice: leave one`)
    given[known] = value
  }
  return given
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch (error) {
    throw new StoreError('invalid', `the prefix ${path} is not encoded as a URL: write %25 for "%"`, { cause: error })
  }
}

/** The boolean of a setting written as text; undefined when it is not set. Throws 'invalid' for anything but true and false. */
export function flag(name: string, value: string | undefined): boolean | undefined {
  if (value === undefined || value === '') return undefined
  if (value === 'true' || value === 'false') return value === 'true'
  throw new StoreError('invalid', `${name} is ${JSON.stringify(value)}: write true or false`)
}

const checksums = ['CRC32', 'CRC32C', 'SHA1', 'SHA256', ''] as const

/** The checksum of a setting; '' means none. Throws 'invalid' for one that S3 does not know. */
export function checksum(value: string | undefined): ChecksumAlgorithm | '' | undefined {
  const known = checksums.find((known) => known === value)
  if (value === undefined || known !== undefined) return known
  throw new StoreError(
    'invalid',
    `checksumAlgorithm is ${JSON.stringify(value)}: write CRC32, CRC32C, SHA1, SHA256, or nothing for none`,
  )
}

const longestLock = 36_500

/** How objects are locked by two settings that belong together; undefined for neither. Throws 'invalid' for one alone, and for what is no mode or no number of days. */
export function objectLock(mode: string | undefined, days: string | undefined): ObjectLockSettings | undefined {
  if (!mode && !days) return undefined
  if (mode !== 'GOVERNANCE' && mode !== 'COMPLIANCE') {
    throw new StoreError('invalid', `objectLockMode is ${JSON.stringify(mode ?? '')}: write GOVERNANCE or COMPLIANCE`)
  }
  const count = /^[1-9]\d{0,5}$/.test(days ?? '') ? Number(days) : Infinity
  if (count <= longestLock) return { mode, days: count }
  throw new StoreError(
    'invalid',
    `objectLockDays is ${JSON.stringify(days ?? '')}: write a whole number of days, from 1 to ${longestLock}`,
  )
}

import type * as Sdk from '@aws-sdk/client-s3'
import { awsConnection } from '#store/aws-connection.ts'
import { cleanPrefix } from '#store/key.ts'
import { isOfBackup } from '#store/layout.ts'
import { credentialSource } from '#store/s3-credentials.ts'
import { s3Error } from '#store/s3-error.ts'
import { StoreError, type Environment } from '#store/store.ts'

export type ChecksumAlgorithm = 'CRC32' | 'CRC32C' | 'SHA1' | 'SHA256'

/** Nobody can delete what is put for so many days; whoever has a right of its own can under GOVERNANCE. */
export interface ObjectLockSettings {
  mode: 'GOVERNANCE' | 'COMPLIANCE'
  days: number
}

export interface S3Options {
  bucket: string
  /** With or without slashes around it. */
  prefix?: string | undefined
  /** `http://` or `https://` URL; the default is AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, then AWS's own for the region. */
  endpoint?: string | undefined
  /** The default is AWS_REGION, AWS_DEFAULT_REGION, then us-east-1; on AWS itself a bucket's real region is found out. */
  region?: string | undefined
  /** `endpoint/bucket/key` instead of `bucket.endpoint/key`. */
  pathStyle?: boolean | undefined
  /** The endpoint in pre-signed URLs, where clients reach the server under another name. */
  publicUrl?: string | undefined
  /** Text of a credentials file in AWS's INI form; the default is the environment and whatever the SDK finds. */
  credentials?: string | undefined
  /** Section of the credentials. */
  profile?: string | undefined
  /** PEM text trusted beside the system's authorities; AWS_CA_BUNDLE names a file with more. */
  caCert?: string | undefined
  insecureSkipTLSVerify?: boolean | undefined
  serverSideEncryption?: string | undefined
  kmsKeyId?: string | undefined
  /** 32 bytes with which the server encrypts every object and which it does not keep (SSE-C): who has not got them can read nothing. */
  customerKey?: Uint8Array | undefined
  /** Class of every object, such as STANDARD_IA; the default is the bucket's. */
  storageClass?: string | undefined
  /** Tags for every object, in the form of a URL query. */
  tagging?: string | undefined
  /** Checksum sent with uploads, which locked buckets demand; '' for none. The default is CRC32, as Velero's. */
  checksumAlgorithm?: ChecksumAlgorithm | '' | undefined
  /** How what lies under `backups/` is locked when it is put; the default is the bucket's. */
  objectLock?: ObjectLockSettings | undefined
  /** Proxies (HTTPS_PROXY, HTTP_PROXY, NO_PROXY) and AWS_… variables. */
  env: Environment
  /** Ends every request of the store, also those of methods without a signal of their own. */
  signal?: AbortSignal | undefined
}

type Locking = Pick<Sdk.PutObjectCommandInput, 'ObjectLockMode' | 'ObjectLockRetainUntilDate'>
type Unlocking = Pick<Sdk.PutObjectCommandInput, 'SSECustomerAlgorithm' | 'SSECustomerKey'>
type Making = Unlocking &
  Pick<
    Sdk.PutObjectCommandInput,
    'ServerSideEncryption' | 'SSEKMSKeyId' | 'Tagging' | 'ChecksumAlgorithm' | 'StorageClass'
  >

/** An open bucket: what the S3 driver's files share. */
export interface Bucket {
  sdk: typeof Sdk
  client: Sdk.S3Client
  /** A client whose endpoint is the one that pre-signed URLs name. */
  signer(): Promise<Sdk.S3Client>
  name: string
  /** Empty, or ends with `/`. */
  prefix: string
  url: string
  /** Fields of every request that makes an object, those of `unlocking` included. */
  making: Making
  /** More of them, for an object that is put now under this key of the store. */
  locking(key: string): Locking
  /** Whether the store's own settings lock anything. */
  locks: boolean
  /** Fields of every request for what is in an object. */
  unlocking: Unlocking
  /** Runs one request: hands it the signals that end it and translates its errors. */
  ask<T>(
    doing: string,
    request: (options: { abortSignal: AbortSignal }) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T>
  close(): Promise<void>
}

/** Connects to a bucket; no request is made. Rejects with 'invalid' for settings that contradict each other or name unreadable files. */
export async function openBucket(options: S3Options): Promise<Bucket> {
  const { bucket: name, env } = options
  checkBucketName(name)
  if (options.objectLock !== undefined && options.checksumAlgorithm === '')
    throw new StoreError('invalid', 'locked buckets demand a checksum: leave checksumAlgorithm out')
  const prefix = cleanPrefix(options.prefix ?? '')
  // Loaded here and not at the top: it takes longer than everything else of a command that works on a directory.
  const sdk = await import('@aws-sdk/client-s3')
  const source = await credentialSource({ text: options.credentials, profile: options.profile, env })
  const settings = {
    ...(await clientSettings(options)),
    ...(source.credentials && { credentials: source.credentials }),
  }
  const client = new sdk.S3Client(settings)
  const url = `s3://${name}${prefix && `/${prefix.slice(0, -1)}`}${settings.endpoint ? ` at ${settings.endpoint}` : ''}`
  const never = new AbortController().signal
  let signer: Promise<Sdk.S3Client> | undefined

  return {
    sdk,
    client,
    signer: () => (signer ??= signerFor({ sdk, client, settings, options })),
    name,
    prefix,
    url,
    making: makingFields(options),
    locking: (key) => (isOfBackup(key) ? lockingFields(options) : {}),
    locks: options.objectLock !== undefined,
    unlocking: unlockingFields(options),
    async ask(doing, request, signal) {
      const signals = [options.signal, signal].filter((signal) => signal !== undefined)
      const abortSignal = signals.length > 1 ? AbortSignal.any(signals) : (signals[0] ?? never)
      abortSignal.throwIfAborted()
      try {
        return await request({ abortSignal })
      } catch (error) {
        abortSignal.throwIfAborted()
        throw s3Error(error, { doing, bucket: name, url })
      }
    },
    async close() {
      client.destroy()
      ;(await signer?.catch(() => undefined))?.destroy()
      await source.remove()
    },
  }
}

async function clientSettings(options: S3Options) {
  const { env, pathStyle = false } = options
  const endpoint = options.endpoint ?? env['AWS_ENDPOINT_URL_S3'] ?? env['AWS_ENDPOINT_URL']
  const profile = options.profile ?? env['AWS_PROFILE']
  return {
    ...(endpoint && { endpoint: checkedEndpoint(endpoint) }),
    ...(profile && { profile }),
    region: options.region ?? env['AWS_REGION'] ?? env['AWS_DEFAULT_REGION'] ?? 'us-east-1',
    followRegionRedirects: !endpoint,
    forcePathStyle: pathStyle,
    // Many servers that are not AWS refuse or ignore the checksums that the SDK adds on its own.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: await awsConnection(options),
  } as const satisfies Sdk.S3ClientConfig
}

interface SignerParts {
  sdk: typeof Sdk
  client: Sdk.S3Client
  settings: Sdk.S3ClientConfig
  options: S3Options
}

// A signature holds host and region, so neither can be corrected by following a redirect.
async function signerFor({ sdk, client, settings, options }: SignerParts): Promise<Sdk.S3Client> {
  const { publicUrl, bucket, region } = options
  if (publicUrl) return new sdk.S3Client({ ...settings, endpoint: checkedEndpoint(publicUrl) })
  if (settings.endpoint !== undefined || region !== undefined) return new sdk.S3Client(settings)
  const { BucketRegion } = await client.send(new sdk.HeadBucketCommand({ Bucket: bucket }))
  return new sdk.S3Client({ ...settings, ...(BucketRegion && { region: BucketRegion }) })
}

function unlockingFields({ customerKey, kmsKeyId }: S3Options): Unlocking {
  if (customerKey === undefined) return {}
  if (customerKey.byteLength !== 32) {
    throw new StoreError('invalid', `the customer key has ${customerKey.byteLength} bytes: it must have exactly 32`)
  }
  if (kmsKeyId) throw new StoreError('invalid', 'a customer key and kmsKeyId exclude each other: leave one')
  return { SSECustomerAlgorithm: 'AES256', SSECustomerKey: Buffer.from(customerKey).toString('base64') }
}

const DAY_MS = 24 * 3600 * 1000

function lockingFields({ objectLock }: S3Options): Locking {
  if (objectLock === undefined) return {}
  const { mode, days } = objectLock
  return { ObjectLockMode: mode, ObjectLockRetainUntilDate: new Date(Date.now() + days * DAY_MS) }
}

function makingFields(options: S3Options): Making {
  const { kmsKeyId, customerKey, tagging, storageClass, checksumAlgorithm = 'CRC32' } = options
  const encryption = kmsKeyId ? 'aws:kms' : customerKey ? undefined : options.serverSideEncryption
  return {
    ...unlockingFields(options),
    ...(encryption && { ServerSideEncryption: encryption as Sdk.ServerSideEncryption }),
    ...(kmsKeyId && { SSEKMSKeyId: kmsKeyId }),
    ...(tagging && { Tagging: tagging }),
    ...(storageClass && { StorageClass: storageClass as Sdk.StorageClass }),
    ...(checksumAlgorithm && { ChecksumAlgorithm: checksumAlgorithm }),
  }
}

// Older buckets have capitals and underscores; what must not pass is a second path segment (spec/object-store §1).
function checkBucketName(name: string): void {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$/.test(name)) return
  throw new StoreError(
    'invalid',
    `${JSON.stringify(name)} is not the name of a bucket: use letters, digits, ".", "-" and "_"`,
  )
}

/** `text` when it is an `http://` or `https://` URL without credentials; else throws 'invalid'. */
export function checkedEndpoint(text: string): string {
  const url = URL.parse(text)
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    throw new StoreError(
      'invalid',
      `${JSON.stringify(text)} is not an endpoint: write http://host:port or https://host:port`,
    )
  }
  if (url.username === '' && url.password === '') return text
  throw new StoreError(
    'invalid',
    `the endpoint at ${url.host} holds credentials: take them out and set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY`,
  )
}

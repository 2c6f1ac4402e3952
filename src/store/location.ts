import { isAbsolute } from 'node:path'
import { fileStore } from '#store/file.ts'
import { checksum, fileOf, objectLock } from '#store/open.ts'
import { prefixed } from '#store/prefixed.ts'
import { s3Store } from '#store/s3.ts'
import { StoreError, type Environment, type ObjectStore } from '#store/store.ts'

/** What a BackupStorageLocation says about its store: the `spec` of the API object fits as it is. */
export interface Location {
  /** `aws` (or `velero.io/aws`), or our own `lifeboat.dev/file`. */
  provider: string
  objectStorage?: { bucket: string; prefix?: string | undefined } | undefined
  config?: Readonly<Record<string, string>> | undefined
}

export interface LocationSecrets {
  /** Text of the credentials file in the location's Secret; the default is what `env` and the SDK find. */
  credentials?: string | undefined
  /** PEM text, whether inline in the location or from its Secret. */
  caCert?: string | undefined
  /** What `config.customerKeyEncryptionSecret` names: 32 bytes. */
  customerKey?: Uint8Array | undefined
  env: Environment
  signal?: AbortSignal | undefined
}

/** The config keys of Velero's AWS plugin (its backupstoragelocation.md), those included that Velero itself puts there; `enableSharedConfig` is always so here, and `storageClass`, `objectLockMode` and `objectLockDays` are ours. */
const awsKeys = [
  'region',
  's3Url',
  's3ForcePathStyle',
  'publicUrl',
  'profile',
  'serverSideEncryption',
  'kmsKeyId',
  'customerKeyEncryptionFile',
  'customerKeyEncryptionSecret',
  'tagging',
  'storageClass',
  'checksumAlgorithm',
  'objectLockMode',
  'objectLockDays',
  'insecureSkipTLSVerify',
  'enableSharedConfig',
  'signatureVersion',
  'credentialsFile',
  'bucket',
  'prefix',
  'caCert',
]

/**
 * Opens the store of a BackupStorageLocation. Touches neither disk nor network beyond the files that its config names; `check` does. Rejects with 'invalid', and a message fit for the
 * location's status, for a provider or config key that is not known, and with 'denied' for credentials that lack the profile.
 */
export async function storeFromLocation(location: Location, secrets: LocationSecrets): Promise<ObjectStore> {
  const { provider } = location
  if (provider === 'aws' || provider === 'velero.io/aws') return awsStore(location, secrets)
  if (provider === 'lifeboat.dev/file') return directoryStore(location)
  throw new StoreError(
    'invalid',
    `the provider ${JSON.stringify(provider)} is not known: use velero.io/aws or lifeboat.dev/file`,
  )
}

async function awsStore(location: Location, secrets: LocationSecrets): Promise<ObjectStore> {
  const { objectStorage, config = {} } = location
  const bucket = objectStorage?.bucket.replace(/^\/+|\/+$/g, '') ?? ''
  if (bucket === '') throw new StoreError('invalid', 'the location names no bucket: set spec.objectStorage.bucket')
  checkKeys(config, awsKeys)
  // Velero's plugin takes 1 too, and signs with version 4 all the same.
  if (!['', '1', '4', undefined].includes(config['signatureVersion'])) {
    throw new StoreError(
      'invalid',
      `config.signatureVersion ${config['signatureVersion']} is not supported: leave it out for version 4`,
    )
  }
  return s3Store({
    bucket,
    prefix: objectStorage?.prefix,
    endpoint: set(config['s3Url']),
    region: set(config['region']),
    pathStyle: flag('config.s3ForcePathStyle', config['s3ForcePathStyle']),
    publicUrl: set(config['publicUrl']),
    profile: set(config['profile']),
    credentials: secrets.credentials ?? (await textOf(config['credentialsFile'])),
    caCert: secrets.caCert ?? set(config['caCert']),
    insecureSkipTLSVerify: flag('config.insecureSkipTLSVerify', config['insecureSkipTLSVerify']),
    serverSideEncryption: set(config['serverSideEncryption']),
    kmsKeyId: set(config['kmsKeyId']),
    customerKey: await customerKeyOf(config, secrets),
    tagging: set(config['tagging']),
    storageClass: set(config['storageClass']),
    checksumAlgorithm: checksum(config['checksumAlgorithm']),
    objectLock: objectLock(config['objectLockMode'], config['objectLockDays']),
    env: secrets.env,
    signal: secrets.signal,
  })
}

async function textOf(path: string | undefined): Promise<string | undefined> {
  return path ? (await fileOf(path)).toString() : undefined
}

async function customerKeyOf(
  config: NonNullable<Location['config']>,
  { customerKey }: LocationSecrets,
): Promise<Uint8Array | undefined> {
  const { customerKeyEncryptionFile: file, customerKeyEncryptionSecret: secret } = config
  if (file && secret) {
    throw new StoreError(
      'invalid',
      'config.customerKeyEncryptionFile and config.customerKeyEncryptionSecret exclude each other: leave one',
    )
  }
  // As Velero: a newline at the end is no part of the key.
  return file ? (await fileOf(file)).subarray(0, 32) : customerKey
}

const goTrue = ['1', 't', 'T', 'TRUE', 'true', 'True']
const goFalse = ['0', 'f', 'F', 'FALSE', 'false', 'False']

/** Go's words for a boolean, since a location that Velero takes has to be taken. */
function flag(name: string, value: string | undefined): boolean | undefined {
  if (value === undefined || value === '') return undefined
  if (goTrue.includes(value)) return true
  if (goFalse.includes(value)) return false
  throw new StoreError('invalid', `${name} is ${JSON.stringify(value)}: write true or false`)
}

// The directory is the store, whatever the bucket's name, which the API demands: so `--store DIR` and a location show the same backups.
function directoryStore({ objectStorage, config = {} }: Location): ObjectStore {
  checkKeys(config, ['path'])
  const path = config['path'] ?? ''
  if (!isAbsolute(path)) {
    throw new StoreError(
      'invalid',
      `config.path is ${JSON.stringify(path)}: set it to the absolute path of the directory`,
    )
  }
  return prefixed(fileStore(path), objectStorage?.prefix ?? '')
}

function checkKeys(config: Readonly<Record<string, string>>, known: readonly string[]): void {
  const unknown = Object.keys(config).filter((key) => !known.includes(key))
  if (unknown.length === 0) return
  throw new StoreError('invalid', `config has ${unknown.join(', ')}, which is not known: use ${known.join(', ')}`)
}

function set(value: string | undefined): string | undefined {
  return value === '' ? undefined : value
}

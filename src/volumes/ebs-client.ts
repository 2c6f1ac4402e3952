import { setTimeout as sleep } from 'node:timers/promises'
import type * as Sdk from './ebs-sdk.ts'
import { awsConnection } from '#store/aws-connection.ts'
import { fileOf } from '#store/open.ts'
import { credentialSource } from '#store/s3-credentials.ts'
import { StoreError, type Environment } from '#store/store.ts'
import type { CopyTarget } from './ebs-copies.ts'
import { ebsError } from './ebs-error.ts'
import { SnapshotError } from './snapshotter.ts'

/** A VolumeSnapshotLocation's side of EBS. */
export interface EbsSettings {
  /** `spec.config`: `region`, `profile`, `credentialsFile`, `enableSharedConfig`, as Velero's plugin for AWS takes it. */
  readonly config: Readonly<Record<string, string>>
  /** Text of the credentials file in the location's Secret; the default is `credentialsFile`, then what `env` and the SDK find. */
  readonly credentials?: string | undefined
  /** Which zone takes the place of which. */
  readonly zones?: Readonly<Record<string, string>> | undefined
  /** Where each snapshot is copied to. */
  readonly copy?: CopyTarget | undefined
  /** The key of KMS that volumes are made again with, instead of that of their snapshots. */
  readonly kmsKeyId?: string | undefined
  /** AWS_… variables and proxies. */
  readonly env: Environment
}

/** The SDK and a client for one region: what the EBS driver's files share. */
export interface Ec2 {
  readonly sdk: typeof Sdk
  readonly region: string
  /** Runs one request and translates its errors. */
  ask<T>(
    doing: string,
    request: (client: Sdk.EC2Client, options: { abortSignal: AbortSignal }) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T>
  /** Waits between two questions; rejects when `signal` fires. */
  pause(millis: number, signal?: AbortSignal): Promise<void>
  close(): Promise<void>
}

const known = ['region', 'profile', 'credentialsFile', 'enableSharedConfig']

/** Tries of one request. The SDK doubles its pauses up to 20 seconds: a refusal for too many requests is given about half a minute to pass. */
const ATTEMPTS = 7

/** Connects to EC2; no request is made. Rejects with SnapshotError 'invalid' or 'denied' for settings that cannot work. */
export async function openEc2({ config, credentials, env }: EbsSettings): Promise<Ec2> {
  const { profile, credentialsFile } = config
  const region = regionOf(config)
  // Loaded here and not at the top: it takes longer than everything else of a command that asks no provider.
  const sdk = await import('./ebs-sdk.ts')
  const source = await withoutStoreError(async () => {
    const text = credentials ?? (credentialsFile ? (await fileOf(credentialsFile)).toString() : undefined)
    return await credentialSource({ text, profile: profile || undefined, env })
  })
  const section = profile || env['AWS_PROFILE']
  const endpoint = env['AWS_ENDPOINT_URL_EC2'] ?? env['AWS_ENDPOINT_URL']
  const client = new sdk.EC2Client({
    region,
    maxAttempts: ATTEMPTS,
    requestHandler: await withoutStoreError(() => awsConnection({ env })),
    ...(endpoint && { endpoint }),
    ...(section && { profile: section }),
    ...(source.credentials && { credentials: source.credentials }),
  })
  const never = new AbortController().signal
  return {
    sdk,
    region,
    async ask(doing, request, signal = never) {
      signal.throwIfAborted()
      try {
        return await request(client, { abortSignal: signal })
      } catch (error) {
        signal.throwIfAborted()
        throw ebsError(error, doing)
      }
    },
    pause: (millis, signal) => sleep(millis, undefined, { signal }),
    async close() {
      client.destroy()
      await source.remove()
    },
  }
}

/** After a look at the rest of it. */
function regionOf(config: EbsSettings['config']): string {
  const strange = Object.keys(config).filter((key) => !known.includes(key))
  if (strange.length > 0)
    throw new SnapshotError('invalid', `config has ${strange.join(', ')}, which is not known: use ${known.join(', ')}`)
  const { region } = config
  if (region) return region
  throw new SnapshotError('invalid', 'config.region is missing: set it to the region of the volumes')
}

/** Credentials and files are the store room's, and so are its errors. */
async function withoutStoreError<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    throw new SnapshotError(error.problem === 'denied' ? 'denied' : 'invalid', error.message, { cause: error })
  }
}

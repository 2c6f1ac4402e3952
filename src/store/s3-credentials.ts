import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { S3ClientConfig } from '@aws-sdk/client-s3'
import { StoreError, type Environment } from '#store/store.ts'

type Credentials = NonNullable<S3ClientConfig['credentials']>

/** Credentials for a client, and the removal of what they needed on disk. */
export interface CredentialSource {
  /** Undefined leaves the search to the SDK: shared files, web identity (IRSA), container and instance roles. */
  credentials: Credentials | undefined
  remove(): Promise<void>
}

/**
 * Where the keys come from: `text`, the content of a credentials file in AWS's INI form, when given; else AWS_ACCESS_KEY_ID and
 * AWS_SECRET_ACCESS_KEY of `env`, unless a profile is named; else the SDK's own search. Throws 'denied' for a text without the profile.
 */
export async function credentialSource(options: {
  text: string | undefined
  profile: string | undefined
  env: Environment
}): Promise<CredentialSource> {
  const { text, profile, env } = options
  if (text !== undefined) return fromText(text, profile ?? 'default')
  const keys = profile === undefined ? keysIn({ ...env }, upper) : undefined
  return { credentials: keys, remove: async () => {} }
}

async function fromText(text: string, profile: string): Promise<CredentialSource> {
  const section = parseIni(text).get(profile)
  if (section === undefined) {
    throw new StoreError(
      'denied',
      `the credentials have no profile "${profile}": add a section [${profile}] with aws_access_key_id and aws_secret_access_key`,
    )
  }
  const keys = keysIn(Object.fromEntries(section), lower)
  if (keys !== undefined) return { credentials: keys, remove: async () => {} }
  // Roles, web identity and credential processes are the SDK's business, which takes files only.
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-credentials-'))
  const filepath = join(folder, 'credentials')
  await writeFile(filepath, text, { mode: 0o600 })
  const { fromIni } = await import('@aws-sdk/credential-provider-ini')
  return {
    credentials: fromIni({ profile, filepath, configFilepath: filepath }),
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

const upper = { id: 'AWS_ACCESS_KEY_ID', secret: 'AWS_SECRET_ACCESS_KEY', token: 'AWS_SESSION_TOKEN' }
const lower = { id: 'aws_access_key_id', secret: 'aws_secret_access_key', token: 'aws_session_token' }

function keysIn(values: Environment, names: typeof upper): Credentials | undefined {
  const accessKeyId = values[names.id]
  const secretAccessKey = values[names.secret]
  const sessionToken = values[names.token]
  if (!accessKeyId || !secretAccessKey) return undefined
  return { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) }
}

/** The sections of an AWS credentials or config file; `[profile x]` counts as `[x]`. */
export function parseIni(text: string): Map<string, Map<string, string>> {
  const sections = new Map<string, Map<string, string>>()
  let section: Map<string, string> | undefined
  for (const line of text.split(/\r?\n/).map((line) => line.trim())) {
    const header = /^\[(?:profile\s+)?(.+?)\]$/.exec(line)?.[1]?.trim()
    if (header !== undefined) {
      section = sections.get(header) ?? new Map<string, string>()
      sections.set(header, section)
      continue
    }
    const [, name, value] = /^([^#;=][^=]*?)\s*=\s*(.*)$/.exec(line) ?? []
    if (name !== undefined && value !== undefined) section?.set(name.toLowerCase(), value)
  }
  return sections
}

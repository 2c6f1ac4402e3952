import { readFile } from 'node:fs/promises'
import type { ClusterConfig, Pem } from './cluster-config.ts'
import { KubeConfigError } from './cluster-config.ts'
import type { ExecCredential } from './exec-plugin.ts'
import { runExecPlugin } from './exec-plugin.ts'

/** What of TLS depends on credentials; the same object as long as nothing changed. */
export interface Identity {
  readonly ca: string | undefined
  readonly cert: string | undefined
  readonly key: string | undefined
}

/** What a request needs to be let in. */
export interface Access {
  readonly identity: Identity
  readonly headers: Readonly<Record<string, string | readonly string[]>>
}

/** Keeps the credentials of one cluster fresh. */
export interface Credentials {
  /** Rejects with KubeConfigError when they cannot be had. */
  current(): Promise<Access>
  /** To be called when the server refused `refused` with 401: true when there are others by now, so one more try is worth it. */
  renew(refused: Access): Promise<boolean>
}

/** Files are read again this often, as client-go does with tokens; a projected token is replaced long before it expires. */
const REREAD_MILLIS = 60_000

/** Credentials from data, files and plugins. Nothing is read before the first `current`. */
export function openCredentials(config: ClusterConfig, now: () => Date): Credentials {
  let held: { access: Access; until: number } | undefined
  let plugin: ExecCredential | undefined
  let loading: Promise<Access> | undefined

  const pluginAnswer = async (anew: boolean): Promise<ExecCredential | undefined> => {
    if (config.user.exec === undefined) return undefined
    if (plugin === undefined || anew || plugin.expires <= now().getTime())
      plugin = await runExecPlugin(config.user.exec)
    return plugin
  }
  const load = async (anew: boolean): Promise<Access> => {
    const started = now().getTime()
    const given = await pluginAnswer(anew)
    const access = await readAccess(config, given, held?.access)
    const until = Math.min(given?.expires ?? Infinity, readsFiles(config) ? started + REREAD_MILLIS : Infinity)
    held = { access, until }
    return access
  }
  // One load at a time, whoever asks for it.
  const loadOnce = (anew: boolean): Promise<Access> => {
    loading ??= load(anew).finally(() => (loading = undefined))
    return loading
  }
  return {
    current: async () => (held !== undefined && now().getTime() < held.until ? held.access : loadOnce(false)),
    async renew(refused) {
      if (held !== undefined && held.access !== refused) return true
      if (config.user.exec === undefined && config.user.tokenFile === undefined) return false
      return (await loadOnce(true)) !== refused
    },
  }
}

async function readAccess(
  config: ClusterConfig,
  given: ExecCredential | undefined,
  before: Access | undefined,
): Promise<Access> {
  const { user } = config
  const [ca, cert, key, fileToken] = await Promise.all([
    readPem(config.ca, before?.identity.ca),
    given?.cert ?? readPem(user.certificate?.cert, before?.identity.cert),
    given?.key ?? readPem(user.certificate?.key, before?.identity.key),
    readToken(user.tokenFile, before),
  ])
  const token = given?.token ?? fileToken ?? user.token
  const headers: Record<string, string | readonly string[]> = { ...user.headers }
  if (token !== undefined) headers['authorization'] = `Bearer ${token}`
  const identity = sameIdentity(before?.identity, { ca, cert, key })
  if (
    before !== undefined &&
    identity === before.identity &&
    headers['authorization'] === before.headers['authorization']
  )
    return before
  return { identity, headers }
}

function sameIdentity(before: Identity | undefined, after: Identity): Identity {
  return before?.ca === after.ca && before?.cert === after.cert && before?.key === after.key && before !== undefined
    ? before
    : after
}

async function readPem(pem: Pem | undefined, before: string | undefined): Promise<string | undefined> {
  if (pem === undefined) return undefined
  return 'data' in pem ? pem.data : readCredential(pem.file, before)
}

async function readToken(file: string | undefined, before: Access | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined
  const header = before?.headers['authorization']
  const token = (
    await readCredential(file, typeof header === 'string' ? header.slice('Bearer '.length) : undefined)
  ).trim()
  if (token === '') throw new KubeConfigError('unreadable', `the token file ${file} is empty: write the token into it`)
  return token
}

/** A file that cannot be read for a moment, while it is being replaced, keeps what it said before. */
async function readCredential(file: string, before: string | undefined): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (before !== undefined) return before
    throw new KubeConfigError('unreadable', `cannot read ${file}: ${(error as Error).message}`, { cause: error })
  }
}

function readsFiles({ ca, user }: ClusterConfig): boolean {
  const pems = [ca, user.certificate?.cert, user.certificate?.key]
  return user.tokenFile !== undefined || pems.some((pem) => pem !== undefined && 'file' in pem)
}

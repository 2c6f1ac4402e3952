import { getCACertificates } from 'node:tls'
import { Agent, buildConnector, fetch, type Response } from 'undici'
import { proxyFromEnvironment } from '#kube/proxy.ts'
import { throughProxy } from '#kube/tunnel.ts'
import { UserError } from './exit.ts'

/** Whom a download trusts besides the authorities of the system. */
export interface DownloadTrust {
  /** Certificates in PEM; undefined for none. */
  readonly ca: string | undefined
  /** Any certificate will do. */
  readonly insecure: boolean
}

export interface FetchOptions {
  readonly signal: AbortSignal
  readonly trust: DownloadTrust
  /** For `HTTPS_PROXY` and its like. */
  readonly env: Readonly<Record<string, string | undefined>>
}

const CONNECT_TIMEOUT_MILLIS = 10_000

/** The body behind a pre-signed URL; undefined when there is nothing (404). The URL itself is a secret and stays out of messages. */
export async function fetchUrl(url: string, options: FetchOptions): Promise<AsyncIterable<Uint8Array> | undefined> {
  const dispatcher = agentFor(url, options)
  try {
    const body = await bodyOf(await answerOf(url, dispatcher, options), new URL(url).host)
    if (body !== undefined) return closing(body, dispatcher)
    await dispatcher.close()
    return undefined
  } catch (error) {
    await dispatcher.destroy()
    throw error
  }
}

function agentFor(url: string, { trust, env }: FetchOptions): Agent {
  const direct = buildConnector({
    ca: authorities(trust.ca),
    rejectUnauthorized: !trust.insecure,
    timeout: CONNECT_TIMEOUT_MILLIS,
  })
  const proxy = proxyFromEnvironment(url, env)
  if (proxy === undefined) return new Agent({ connect: direct })
  const { ca, insecure: skipTlsVerify } = trust
  const connect = throughProxy({ url: proxy, ca, skipTlsVerify, timeoutMillis: CONNECT_TIMEOUT_MILLIS }, direct)
  return new Agent({ connect })
}

/** Those of Node, those of the machine and the one that was named. */
function authorities(named: string | undefined): string[] {
  const known = new Set([...getCACertificates('default'), ...getCACertificates('system')])
  return named === undefined ? [...known] : [...known, named]
}

async function answerOf(url: string, dispatcher: Agent, { signal }: FetchOptions): Promise<Response> {
  const { host } = new URL(url)
  try {
    return await fetch(url, { dispatcher, signal })
  } catch (error) {
    signal.throwIfAborted()
    const cause = error instanceof Error ? (error.cause ?? error) : error
    if (isCertificateProblem(cause)) {
      throw new UserError(
        `${host} shows a certificate that is not trusted (${cause.message.split(';')[0]}); name its authority with --cacert FILE, or --insecure-skip-tls-verify`,
        { cause: error },
      )
    }
    throw new UserError(
      `cannot reach ${host}, which the server named for the download; is it reachable from this machine?`,
      { cause: error },
    )
  }
}

function isCertificateProblem(error: unknown): error is Error {
  const code = error instanceof Error ? (error as { code?: unknown }).code : undefined
  return typeof code === 'string' && /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ERR_TLS/.test(code)
}

async function bodyOf(answer: Response, host: string): Promise<AsyncIterable<Uint8Array> | undefined> {
  if (answer.status === 404) {
    await answer.body?.cancel()
    return undefined
  }
  if (!answer.ok || answer.body === null) {
    throw new UserError(`download from ${host} failed: HTTP ${answer.status} ${(await answer.text()).slice(0, 300)}`)
  }
  return answer.body as AsyncIterable<Uint8Array>
}

async function* closing(body: AsyncIterable<Uint8Array>, dispatcher: Agent): AsyncGenerator<Uint8Array> {
  try {
    yield* body
  } finally {
    await dispatcher.destroy()
  }
}

import { once } from 'node:events'
import { request } from 'node:http'
import type { Socket } from 'node:net'
import { getCACertificates } from 'node:tls'
import { buildConnector } from 'undici'
import { openSocks } from './socks.ts'
import { TunnelError } from './tunnel-error.ts'

/** A proxy between us and the API server. */
export interface Proxy {
  /** `http://`, `https://` or `socks5://`, possibly with `user:password@`. */
  readonly url: string
  /** The cluster's CA, which may also vouch for an https proxy, beside the authorities of the system. PEM. */
  readonly ca: string | undefined
  readonly skipTlsVerify: boolean
  /** For reaching the proxy, and again for its opening the way. */
  readonly timeoutMillis: number
}

/** Host and port of the API server; the proxy looks the name up. */
export interface Target {
  readonly host: string
  readonly port: number
}

const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443, 'socks5:': 1080 }
const DENIED = 400

/**
 * Connects to servers through `proxy`; `inner` then speaks TLS inside of the tunnel, so the proxy sees neither credentials nor
 * requests. undici's own agent for proxies does not tell a tunnel that never stood from a request that was lost, and only the first may be repeated.
 */
export function throughProxy(proxy: Proxy, inner: buildConnector.connector): buildConnector.connector {
  const url = new URL(proxy.url)
  const outer = buildConnector({
    ca: [...getCACertificates('default'), ...(proxy.ca === undefined ? [] : [proxy.ca])],
    rejectUnauthorized: !proxy.skipTlsVerify,
    timeout: proxy.timeoutMillis,
  })
  return (options, callback) => {
    const secure = options.protocol === 'https:'
    const target = { host: options.hostname, port: Number(options.port) || (secure ? 443 : 80) }
    openTunnel(target, { url, outer, timeoutMillis: proxy.timeoutMillis }).then(
      (httpSocket) => (secure ? inner({ ...options, httpSocket }, callback) : callback(null, httpSocket)),
      (error: Error) => callback(error, null),
    )
  }
}

interface Way {
  readonly url: URL
  readonly outer: buildConnector.connector
  readonly timeoutMillis: number
}

/** Rejects with TunnelError, which names the proxy without its password. */
async function openTunnel(target: Target, { url, outer, timeoutMillis }: Way): Promise<Socket> {
  const proxy = `${url.protocol}//${url.host}`
  const socket = await reach(url, outer).catch((error: Error) => {
    const advice = 'check proxy-url of the cluster, or HTTPS_PROXY and NO_PROXY'
    throw new TunnelError(`the proxy ${proxy} cannot be reached (${wordsOf(error)}): ${advice}`, { cause: error })
  })
  const timer = setTimeout(() => socket.destroy(new Error('it does not answer')), timeoutMillis)
  try {
    await (url.protocol === 'socks5:' ? openSocks : openHttp)(socket, target, credentialsOf(url))
    return socket
  } catch (error) {
    socket.destroy()
    const passing = error instanceof TunnelError ? error.passing : true
    const message = `the proxy ${proxy} does not open the way to ${target.host}:${target.port}: ${wordsOf(error)}`
    throw new TunnelError(message, { cause: error, passing })
  } finally {
    clearTimeout(timer)
  }
}

function reach(url: URL, outer: buildConnector.connector): Promise<Socket> {
  const hostname = url.hostname.replace(/^\[|\]$/g, '')
  const port = url.port || String(DEFAULT_PORTS[url.protocol])
  const protocol = url.protocol === 'https:' ? 'https:' : 'http:'
  return new Promise((resolve, reject) => {
    outer({ hostname, host: hostname, protocol, port }, (...[error, socket]) =>
      error === null ? resolve(socket) : reject(error),
    )
  })
}

/** CONNECT of RFC 9110. */
async function openHttp(socket: Socket, { host, port }: Target, user: Credentials | undefined): Promise<void> {
  const path = `${host.includes(':') ? `[${host}]` : host}:${port}`
  const headers: Record<string, string> = { host: path }
  if (user !== undefined) {
    headers['proxy-authorization'] = `Basic ${Buffer.from(`${user.name}:${user.password}`).toString('base64')}`
  }
  const asked = request({ createConnection: () => socket, method: 'CONNECT', path, headers })
  const answered = once(asked, 'connect')
  asked.end()
  const [{ statusCode = 0, statusMessage = '' }] = (await answered) as [{ statusCode?: number; statusMessage?: string }]
  if (statusCode >= 200 && statusCode < 300) return
  const advice = statusCode === 407 ? '; write proxy-url as http://user:password@host:port' : ''
  // Another try may find the proxy, or the server behind it, up again; a proxy that says no goes on saying so.
  const passing = statusCode < DENIED || statusCode >= 500 || statusCode === 429
  throw new TunnelError(`it answered ${`${statusCode} ${statusMessage}`.trim()}${advice}`, { passing })
}

/** Name and password for a proxy. */
export interface Credentials {
  readonly name: string
  readonly password: string
}

function credentialsOf({ username, password }: URL): Credentials | undefined {
  if (username === '') return undefined
  return { name: decodeURIComponent(username), password: decodeURIComponent(password) }
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

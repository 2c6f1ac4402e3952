import type { Dispatcher } from 'undici'
import { Agent, buildConnector, ProxyAgent } from 'undici'
import type { ClusterConfig } from './cluster-config.ts'
import type { Identity } from './credentials.ts'

/** The sockets of one identity: a bounded pool for calls, and one without bound for watches, which would fill it. */
interface Pools {
  readonly calls: Dispatcher
  readonly streams: Dispatcher
}

/** The sockets to one server. */
export interface Connections {
  readonly origin: string
  /** Sockets that show this identity; those of the one before end when their calls have. */
  to(identity: Identity): Pools
  /** Whether a failed call never left this machine. */
  wasNotSent(error: unknown): boolean
  close(): Promise<void>
}

const CONNECTIONS = 64
const CONNECT_TIMEOUT_MILLIS = 10_000
/** Less than the idle time-out of common load balancers, so we end idle sockets before they do. */
const KEEP_ALIVE_MILLIS = 30_000

/** Opens nothing yet. */
export function openConnections(
  config: ClusterConfig,
  options: { connections?: number | undefined; connectTimeoutMillis?: number | undefined },
): Connections {
  const unsent = new WeakSet<object>()
  let held: { identity: Identity; pools: Pools } | undefined
  const closing = new Set<Promise<void>>()

  const open = (identity: Identity, connections: number | null): Dispatcher => {
    const tls = tlsOptions(config, identity)
    const timeout = options.connectTimeoutMillis ?? CONNECT_TIMEOUT_MILLIS
    const common = { connections, pipelining: 1, keepAliveTimeout: KEEP_ALIVE_MILLIS }
    if (config.proxy !== undefined)
      return new ProxyAgent({ ...common, uri: config.proxy, requestTls: { ...tls, timeout } })
    return new Agent({ ...common, connect: marking(buildConnector({ ...tls, timeout }), unsent) })
  }
  const retire = (pools: Pools): void => {
    // Watches end by themselves, after minutes; nobody waits for them here.
    for (const pool of [pools.calls, pools.streams]) {
      const closed = pool.close().finally(() => closing.delete(closed))
      closing.add(closed)
    }
  }
  return {
    origin: new URL(config.server).origin,
    to(identity) {
      if (held?.identity === identity) return held.pools
      if (held !== undefined) retire(held.pools)
      held = {
        identity,
        pools: { calls: open(identity, options.connections ?? CONNECTIONS), streams: open(identity, null) },
      }
      return held.pools
    },
    wasNotSent: (error) => typeof error === 'object' && error !== null && unsent.has(error),
    async close() {
      const pools = held?.pools
      await Promise.all([pools?.calls.destroy(), pools?.streams.destroy()])
    },
  }
}

function tlsOptions(config: ClusterConfig, { ca, cert, key }: Identity): buildConnector.BuildOptions {
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(config.tlsServerName === undefined ? {} : { servername: config.tlsServerName }),
    rejectUnauthorized: !config.skipTlsVerify,
  }
}

/** Remembers the errors that came before a connection stood: whatever was to be sent on it was not. */
function marking(connector: buildConnector.connector, unsent: WeakSet<object>): buildConnector.connector {
  return (options, callback) =>
    connector(options, (...[error, socket]) => {
      if (error !== null) {
        unsent.add(error)
        callback(error, null)
      } else {
        callback(null, socket)
      }
    })
}

import type { Dispatcher } from 'undici'
import { Agent, buildConnector } from 'undici'
import type { ClusterConfig } from './cluster-config.ts'
import type { Identity } from './credentials.ts'
import { throughProxy } from './tunnel.ts'

/** The sockets of one identity: a bounded pool for calls, and one without bound for watches, which would fill it. */
interface Pools {
  readonly calls: Dispatcher
  readonly streams: Dispatcher
}

/** The sockets to one server. */
export interface Connections {
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
  const retired = new Set<Dispatcher>()
  const timeoutMillis = options.connectTimeoutMillis ?? CONNECT_TIMEOUT_MILLIS

  const open = (identity: Identity, connections: number | null): Dispatcher => {
    const connect = marking(connectorOf(config, identity, timeoutMillis), unsent)
    return new Agent({ connections, pipelining: 1, keepAliveTimeout: KEEP_ALIVE_MILLIS, connect })
  }
  const retire = (pool: Dispatcher): void => {
    retired.add(pool)
    // Watches end by themselves, after minutes; nobody waits for them here.
    void pool.close().then(() => retired.delete(pool))
  }
  return {
    to(identity) {
      if (held?.identity === identity) return held.pools
      for (const pool of Object.values(held?.pools ?? {})) retire(pool)
      held = {
        identity,
        pools: { calls: open(identity, options.connections ?? CONNECTIONS), streams: open(identity, null) },
      }
      return held.pools
    },
    wasNotSent: (error) => typeof error === 'object' && error !== null && unsent.has(error),
    async close() {
      await Promise.all([...Object.values(held?.pools ?? {}), ...retired].map((pool) => pool.destroy()))
    },
  }
}

function connectorOf(config: ClusterConfig, identity: Identity, timeoutMillis: number): buildConnector.connector {
  const direct = buildConnector({ ...tlsOptions(config, identity), timeout: timeoutMillis })
  if (config.proxy === undefined) return direct
  const { skipTlsVerify } = config
  return throughProxy({ url: config.proxy, ca: identity.ca, skipTlsVerify, timeoutMillis }, direct)
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

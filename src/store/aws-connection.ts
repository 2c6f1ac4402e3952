import { readFile } from 'node:fs/promises'
import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { getCACertificates } from 'node:tls'
import { withFileErrors } from '#store/file-error.ts'
import type { Environment } from '#store/store.ts'

/** How the SDK of AWS reaches a server. */
export interface AwsConnectionOptions {
  /** Proxies (HTTPS_PROXY, HTTP_PROXY, NO_PROXY) and AWS_CA_BUNDLE, a file with authorities to trust. */
  env: Environment
  /** PEM text trusted beside the system's authorities. */
  caCert?: string | undefined
  insecureSkipTLSVerify?: boolean | undefined
}

/** The `requestHandler` of a client of the SDK. Rejects with StoreError for a file that cannot be read. */
export async function awsConnection(options: AwsConnectionOptions) {
  const tls = { ca: await authorities(options), rejectUnauthorized: options.insecureSkipTLSVerify !== true }
  const sockets = { keepAlive: true, maxSockets: 32, proxyEnv: { ...options.env } }
  return {
    connectionTimeout: 10_000,
    socketTimeout: 60_000,
    httpAgent: new HttpAgent(sockets),
    httpsAgent: new HttpsAgent({ ...sockets, ...tls }),
  } as const
}

async function authorities({ caCert, env }: AwsConnectionOptions): Promise<string[] | undefined> {
  const bundle = env['AWS_CA_BUNDLE']
  const more = caCert === undefined ? [] : [caCert]
  if (bundle) more.push(await withFileErrors({ doing: 'read', path: bundle }, () => readFile(bundle, 'utf8')))
  return more.length === 0 ? undefined : [...getCACertificates('default'), ...more]
}

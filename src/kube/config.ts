import { readFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import type { ClusterConfig } from './cluster-config.ts'
import { KubeConfigError } from './cluster-config.ts'
import { checkFiles } from './credential-files.ts'
import { inClusterConfig, isInCluster } from './in-cluster.ts'
import type { Entry, KubeConfig } from './kubeconfig-file.ts'
import { mergeKubeConfigs, parseKubeConfig, textIn } from './kubeconfig-file.ts'
import { proxyAddress, proxyFromEnvironment } from './proxy.ts'
import { pemIn, userConfigOf } from './user.ts'

export type { ClusterConfig } from './cluster-config.ts'
export { KubeConfigError } from './cluster-config.ts'

/** Where to look for the configuration, and what to choose from it. */
export interface KubeConfigOptions {
  readonly env: Readonly<Record<string, string | undefined>>
  /** The user's home directory. */
  readonly home: string
  /** `--kubeconfig`: this file alone. */
  readonly kubeconfig?: string | undefined
  /** `--context`; default is `current-context`. */
  readonly context?: string | undefined
  /** By which client certificates expire; default the system's clock. */
  readonly now?: (() => Date) | undefined
}

/**
 * The configuration kubectl would use: `--kubeconfig`, else the files in `KUBECONFIG` merged, else `~/.kube/config`, else, inside a pod,
 * its service account. Everything that can be checked without the network is checked. Rejects with KubeConfigError.
 */
export async function loadKubeConfig(options: KubeConfigOptions): Promise<ClusterConfig> {
  const files = filesToRead(options)
  const read = await Promise.all(
    files.map((file) => readKubeConfig(file, { mayBeMissing: options.kubeconfig === undefined })),
  )
  const found = read.filter((config) => config !== undefined)
  if (found.length === 0) {
    if (isInCluster(options.env)) return inClusterConfig({ env: options.env })
    throw new KubeConfigError(
      'missing',
      `no kubeconfig found: looked for ${files.join(' and ')}; name one with --kubeconfig FILE or in $KUBECONFIG`,
    )
  }
  const config = chosen(mergeKubeConfigs(found), { ...options, where: files.join(', ') })
  await checkFiles(config, (options.now ?? (() => new Date()))())
  return withAuthorityForPlugin(config)
}

/** A plugin that asked for the cluster gets the CA itself, not the name of a file. */
async function withAuthorityForPlugin(config: ClusterConfig): Promise<ClusterConfig> {
  const { ca, user } = config
  if (user.exec?.cluster === undefined || ca === undefined || !('file' in ca)) return config
  const authority = { 'certificate-authority-data': await readFile(ca.file, 'base64') }
  return { ...config, user: { ...user, exec: { ...user.exec, cluster: { ...user.exec.cluster, ...authority } } } }
}

function filesToRead({ env, home, kubeconfig }: KubeConfigOptions): string[] {
  if (kubeconfig !== undefined) return [kubeconfig]
  const listed = (env['KUBECONFIG'] ?? '').split(delimiter).filter((file) => file !== '')
  return listed.length === 0 ? [join(home, '.kube', 'config')] : [...new Set(listed)]
}

async function readKubeConfig(
  file: string,
  { mayBeMissing }: { mayBeMissing: boolean },
): Promise<KubeConfig | undefined> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    // kubectl passes over missing files of the list, too.
    if (code === 'ENOENT' && mayBeMissing) return undefined
    if (code === 'ENOENT')
      throw new KubeConfigError('missing', `no kubeconfig at ${file}: correct --kubeconfig`, { cause: error })
    throw new KubeConfigError('unreadable', `cannot read the kubeconfig ${file}: ${message}`, { cause: error })
  }
  return parseKubeConfig(text, file)
}

interface Choice extends KubeConfigOptions {
  /** The files, for messages. */
  readonly where: string
}

function chosen(config: KubeConfig, { context: asked, env, where }: Choice): ClusterConfig {
  const name = asked ?? config.currentContext
  if (name === undefined) {
    throw new KubeConfigError(
      'no-context',
      `${where} has no current-context: choose one with --context (${known(config.contexts)})`,
    )
  }
  const context = config.contexts.get(name)
  if (context === undefined)
    throw new KubeConfigError('no-context', `no context ${name} in ${where}: there is ${known(config.contexts)}`)
  const cluster = referenced(config.clusters, { context, name, field: 'cluster', problem: 'no-cluster' })
  const user = referenced(config.users, { context, name, field: 'user', problem: 'no-user' })
  return clusterConfigOf({ name, context, cluster, user, env })
}

function referenced(
  entries: ReadonlyMap<string, Entry>,
  { context, name, field, problem }: { context: Entry; name: string; field: string; problem: 'no-cluster' | 'no-user' },
): Entry {
  const wanted = textIn(context, field)
  // A context without a user is anonymous, as behind `kubectl proxy`.
  if (wanted === undefined && field === 'user') return { fields: {}, file: context.file }
  const entry = wanted === undefined ? undefined : entries.get(wanted)
  if (entry !== undefined) return entry
  const words = wanted === undefined ? `names no ${field}` : `names the ${field} ${wanted}, which is not there`
  throw new KubeConfigError(problem, `the context ${name} in ${context.file} ${words}: there is ${known(entries)}`)
}

interface Parts {
  readonly name: string
  readonly context: Entry
  readonly cluster: Entry
  readonly user: Entry
  readonly env: Choice['env']
}

function clusterConfigOf({ name, context, cluster, user, env }: Parts): ClusterConfig {
  const ca = pemIn(cluster, 'certificate-authority')
  const server = serverIn(cluster, { tls: ca !== undefined })
  return {
    server,
    context: name,
    namespace: textIn(context, 'namespace') ?? 'default',
    ca,
    skipTlsVerify: textIn(cluster, 'insecure-skip-tls-verify') === 'true',
    tlsServerName: textIn(cluster, 'tls-server-name'),
    proxy: proxyIn(cluster) ?? proxyFromEnvironment(server, env),
    user: userConfigOf(user, { cluster, server, env }),
  }
}

function serverIn(cluster: Entry, { tls }: { tls: boolean }): string {
  const given = textIn(cluster, 'server')
  if (given === undefined)
    throw new KubeConfigError('malformed', `a cluster in ${cluster.file} has no server: set its address`)
  const address = given.includes('://') ? given : `${tls ? 'https' : 'http'}://${given}`
  if (!URL.canParse(address) || !/^https?:\/\//.test(address)) {
    throw new KubeConfigError('malformed', `${given} in ${cluster.file} is no server address: write https://host:port`)
  }
  return address.replace(/\/$/, '')
}

function proxyIn(cluster: Entry): string | undefined {
  const proxy = textIn(cluster, 'proxy-url')
  return proxy === undefined ? undefined : proxyAddress(proxy, `proxy-url in ${cluster.file}`)
}

function known(entries: ReadonlyMap<string, Entry>): string {
  return entries.size === 0 ? 'none' : [...entries.keys()].toSorted().join(', ')
}

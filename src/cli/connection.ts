import { resolve } from 'node:path'
import { parseDuration } from '#api/duration.ts'
import { loadKubeConfig } from '#kube/config.ts'
import { connect } from '#kube/connect.ts'
import type { KubeClient } from '#kube/client.ts'
import { snapshotLocations } from '#controllers/snapshot-locations.ts'
import { versionsFeature, type RestoreSettings } from '#restore/settings.ts'
import type { PluginSettings } from '#server/config.ts'
import { openStore } from '#store/open.ts'
import { featuresOf } from './client-config.ts'
import { note, type CliContext } from './context.ts'
import type { Door } from './door.ts'
import { downloadWays, type DownloadSettings, type DownloadWay } from './download.ts'
import { choice, duration, list, text, toggle, type FlagValues } from './flag.ts'
import { klogFlags } from './klog-flags.ts'
import { UserError, USAGE } from './exit.ts'
import { loadPlugins, pluginFlags, pluginSettings } from './plugin-flags.ts'
import type { restorePriorityFlags } from './restore-priorities.ts'
import { serverDoor } from './server-door.ts'
import { storeDoor } from './store-door.ts'

/** Flags of every command that talks to a cluster. */
export const clusterFlags = {
  kubeconfig: text('kubeconfig file (default: $KUBECONFIG, then ~/.kube/config)', { metavar: 'FILE' }),
  kubecontext: text('context of the kubeconfig to use', { metavar: 'NAME' }),
  features: list('features to switch on, such as EnableAPIGroupVersions; those of the client configuration stay on', {
    metavar: 'NAME,…',
  }),
  colorized: toggle('colours, also where no terminal is; --colorized=false for none'),
  ...klogFlags,
}

/** Flags of every command that talks to a cluster where Lifeboat or Velero is installed. */
export const installationFlags = {
  ...clusterFlags,
  namespace: text(
    'namespace where Lifeboat or Velero is installed (default: that of the client configuration, $VELERO_NAMESPACE, velero)',
    {
      short: 'n',
      metavar: 'NAME',
    },
  ),
}

/** Flags of every command that works on backups and restores. */
export const doorFlags = {
  ...installationFlags,
  store: text(
    'work without installation on this store: a directory, file:///dir or s3://bucket/prefix?endpoint=… (default: $LIFEBOAT_STORE)',
    {
      metavar: 'URL',
    },
  ),
}

/** Flags of every command that fetches files through the server. */
export const downloadFlags = {
  'download-via': choice(
    'how files come: through the API server, by a link to the bucket, or whichever works, in this order (default: that of the client configuration, auto)',
    downloadWays,
  ),
  'insecure-skip-tls-verify': toggle('take any certificate of the bucket'),
  cacert: text('file with certificates that vouch for the bucket', { metavar: 'FILE' }),
}

/** As `downloadFlags`, where one file is what the command is about. */
export const patientDownloadFlags = {
  ...downloadFlags,
  timeout: duration('how long the server may take to give a link to the file (default 1m)'),
}

/** Connects to the cluster the flags and the environment name. */
export async function openCluster(context: CliContext, flags: FlagValues<typeof clusterFlags>): Promise<KubeClient> {
  const { env, home } = context
  const config = await loadKubeConfig({ env, home, kubeconfig: flags.kubeconfig, context: flags.kubecontext })
  return connect(config)
}

/** The namespace the server lives in. */
export function serverNamespace(context: CliContext, flags: FlagValues<typeof installationFlags>): string {
  return flags.namespace ?? (context.clientConfig['namespace'] || context.env['VELERO_NAMESPACE'] || 'velero')
}

/** Opens the store when one is named, else the cluster's door. With a store the cluster is connected to only when a command needs it. */
export async function openDoor(
  context: CliContext,
  flags: DoorFlags,
  options: { downloadTimeout?: number } = {},
): Promise<Door> {
  return await openDoorWith(context, flags, options)
}

/** As `openDoor`, with plug-ins and priorities for what this process does itself. UserError when there are some and a server would do the work. */
export async function openActingDoor(
  context: CliContext,
  flags: FlagValues<typeof doorFlags & typeof pluginFlags> &
    Partial<FlagValues<typeof restorePriorityFlags & typeof downloadFlags>>,
): Promise<Door> {
  const { 'restore-resource-priorities': priorities } = flags
  if (priorities !== undefined && storeUrl(context, flags) === undefined) {
    throw new UserError('a server does this: give --restore-resource-priorities to `lifeboat server`', {
      exitCode: USAGE,
    })
  }
  if (flags.plugins !== undefined && storeUrl(context, flags) === undefined) {
    throw new UserError('a server does this, with plug-ins of its own: give --plugins to `lifeboat server`', {
      exitCode: USAGE,
    })
  }
  return await openDoorWith(context, flags, { plugins: pluginSettings(context, flags), priorities })
}

interface DoorOptions {
  readonly plugins?: PluginSettings
  readonly priorities?: RestoreSettings['priorities']
  readonly downloadTimeout?: number
}

type DoorFlags = FlagValues<typeof doorFlags> & Partial<FlagValues<typeof patientDownloadFlags>>

async function openDoorWith(
  context: CliContext,
  flags: DoorFlags,
  { plugins, priorities, downloadTimeout = 60_000 }: DoorOptions,
): Promise<Door> {
  const url = storeUrl(context, flags)
  const namespace = serverNamespace(context, flags)
  const { now, signal } = context
  const everyVersion = hasFeature(context, flags, versionsFeature)
  if (url === undefined) {
    const download = downloadSettings(context, flags, downloadTimeout)
    return serverDoor(await openCluster(context, flags), { namespace, signal, now, everyVersion, download })
  }
  const store = await openStore(url, { env: context.env })
  return storeDoor({
    store,
    namespace,
    now,
    everyVersion,
    restoreSettings: { priorities, choosesVersions: everyVersion },
    named: flags.store,
    createdBy: `lifeboat/${context.version}`,
    plugins: async (stop) => (plugins === undefined ? [] : await loadPlugins(plugins, stop)),
    snapshotters: (kube) => snapshotLocations(kube, { namespace, env: context.env }),
    note: (text) => note(context, text),
    cluster: () => openCluster(context, flags),
  })
}

function storeUrl(context: CliContext, flags: FlagValues<typeof doorFlags>): string | undefined {
  return flags.store ?? (context.env['LIFEBOAT_STORE'] || undefined)
}

/** Whether the command line or the client configuration switches a feature on. */
export function hasFeature(context: CliContext, flags: FlagValues<typeof clusterFlags>, feature: string): boolean {
  return featuresOf(context.clientConfig, flags.features).has(feature)
}

function downloadSettings(
  context: CliContext,
  flags: Partial<FlagValues<typeof patientDownloadFlags>>,
  timeoutMillis: number,
): DownloadSettings {
  const file = flags.cacert ?? context.clientConfig['cacert']
  return {
    via: flags['download-via'] ?? configuredWay(context),
    timeoutMillis: flags.timeout === undefined ? timeoutMillis : parseDuration(flags.timeout),
    caFile: file === undefined || file === '' ? undefined : resolve(context.cwd, file),
    insecure: flags['insecure-skip-tls-verify'] ?? false,
    env: context.env,
    onWarning: (warning) => note(context, `warning: ${warning}`),
  }
}

/** Velero's client passes over keys that it does not know. */
function configuredWay({ clientConfig }: CliContext): DownloadWay {
  const text = clientConfig['download-via'] || 'auto'
  const way = downloadWays.find((one) => one === text)
  if (way !== undefined) return way
  const problem = `download-via of the client configuration must be one of ${downloadWays.join(', ')}, not "${text}"`
  throw new UserError(`${problem}: lifeboat client config set download-via=auto`, { exitCode: USAGE })
}

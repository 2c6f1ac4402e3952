import { loadKubeConfig } from '#kube/config.ts'
import { connect } from '#kube/connect.ts'
import type { KubeClient } from '#kube/client.ts'
import type { PluginSettings } from '#server/config.ts'
import { openStore } from '#store/open.ts'
import type { CliContext } from './context.ts'
import type { Door } from './door.ts'
import { text, type FlagValues } from './flag.ts'
import { UserError, USAGE } from './exit.ts'
import { loadPlugins, pluginFlags, pluginSettings } from './plugin-flags.ts'
import { serverDoor } from './server-door.ts'
import { storeDoor } from './store-door.ts'

/** Flags of every command that talks to a cluster. */
export const clusterFlags = {
  kubeconfig: text('kubeconfig file (default: $KUBECONFIG, then ~/.kube/config)', { metavar: 'FILE' }),
  kubecontext: text('context of the kubeconfig to use', { metavar: 'NAME' }),
}

/** Flags of every command that talks to a cluster where Lifeboat or Velero is installed. */
export const installationFlags = {
  ...clusterFlags,
  namespace: text('namespace where Lifeboat or Velero is installed (default: $VELERO_NAMESPACE, then velero)', {
    short: 'n',
    metavar: 'NAME',
  }),
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

/** Connects to the cluster the flags and the environment name. */
export async function openCluster(context: CliContext, flags: FlagValues<typeof clusterFlags>): Promise<KubeClient> {
  const { env, home } = context
  const config = await loadKubeConfig({ env, home, kubeconfig: flags.kubeconfig, context: flags.kubecontext })
  return connect(config)
}

/** The namespace the server lives in. */
export function serverNamespace(context: CliContext, flags: FlagValues<typeof installationFlags>): string {
  return flags.namespace ?? (context.env['VELERO_NAMESPACE'] || 'velero')
}

/** Opens the store when one is named, else the cluster's door. With a store the cluster is connected to only when a command needs it. */
export async function openDoor(context: CliContext, flags: FlagValues<typeof doorFlags>): Promise<Door> {
  return await openDoorWith(context, flags, undefined)
}

/** As `openDoor`, with plug-ins for what this process does itself. UserError when plug-ins are named and a server would do the work. */
export async function openActingDoor(
  context: CliContext,
  flags: FlagValues<typeof doorFlags & typeof pluginFlags>,
): Promise<Door> {
  if (flags.plugins !== undefined && storeUrl(context, flags) === undefined) {
    throw new UserError('a server does this, with plug-ins of its own: give --plugins to `lifeboat server`', {
      exitCode: USAGE,
    })
  }
  return await openDoorWith(context, flags, pluginSettings(context, flags))
}

async function openDoorWith(
  context: CliContext,
  flags: FlagValues<typeof doorFlags>,
  plugins: PluginSettings | undefined,
): Promise<Door> {
  const url = storeUrl(context, flags)
  const namespace = serverNamespace(context, flags)
  const { now, signal } = context
  if (url === undefined) return serverDoor(await openCluster(context, flags), { namespace, signal, now })
  const store = await openStore(url, { env: context.env })
  return storeDoor({
    store,
    namespace,
    now,
    named: flags.store,
    createdBy: `lifeboat/${context.version}`,
    plugins: async (stop) => (plugins === undefined ? [] : await loadPlugins(plugins, stop)),
    cluster: () => openCluster(context, flags),
  })
}

function storeUrl(context: CliContext, flags: FlagValues<typeof doorFlags>): string | undefined {
  return flags.store ?? (context.env['LIFEBOAT_STORE'] || undefined)
}

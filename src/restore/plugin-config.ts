import type { KubeClient } from '#kube/client.ts'
import { ConfigMaps } from '#kube/config-map.ts'
import { KubeError } from '#kube/error.ts'

/** The ConfigMap in which a user configures one of Velero's restore actions, or why it cannot be used. */
export type PluginConfig =
  | { readonly data: Readonly<Record<string, string>> }
  /** Every object that the action would change fails with this. */
  | { readonly problem: string }
  /** Nobody may look; the action does nothing. */
  | { readonly unread: string }

export interface PluginPlace {
  /** Of the server. */
  readonly namespace: string | undefined
  readonly signal?: AbortSignal | undefined
}

/** Reads the configuration of `plugin` (spec/restore §9.2); undefined when there is none. Rejects with KubeError only when the API server is lost. */
export async function readPluginConfig(
  kube: KubeClient,
  plugin: string,
  { namespace, signal }: PluginPlace,
): Promise<PluginConfig | undefined> {
  if (namespace === undefined) return undefined
  // The label that makes a ConfigMap one may have any value, the other one says what kind of plug-in it is for.
  const labelSelector = `velero.io/plugin-config,${plugin}=RestoreItemAction`
  try {
    const { items } = await kube.list(ConfigMaps, { namespace, labelSelector, signal })
    const [config] = items
    if (items.length > 1) {
      const names = items.map(({ metadata }) => metadata.name).join(', ')
      return { problem: `there are ${items.length} ConfigMaps for ${plugin} in ${namespace}: ${names}; keep one` }
    }
    return config === undefined ? undefined : { data: config.data ?? {} }
  } catch (error) {
    if (!(error instanceof KubeError) || error.problem !== 'forbidden') throw error
    return { unread: `whether ${plugin} is configured cannot be read: ${error.message}` }
  }
}

import type { ActionSetting, ImageRule, RestoreContext } from '#items/restore-context.ts'
import { StorageClasses } from '#kube/core-types.ts'
import type { KubeClient } from '#kube/client.ts'
import { type PluginPlace, readPluginConfig } from './plugin-config.ts'

/** What users configured for the restore actions that change objects (spec/restore §9). */
export interface ActionSettings extends Pick<RestoreContext, 'storageClasses' | 'imageRules'> {
  /** The set in `storageClasses`, to which classes are added as they are restored. */
  readonly liveStorageClasses: Set<string>
  /** Settings that cannot be read: without them objects may come back otherwise than somebody wanted. */
  readonly warnings: readonly string[]
}

/** Reads the ConfigMaps of Velero's actions change-storage-class and change-image-name. Rejects with KubeError only when the API server is lost. */
export async function readActionSettings(kube: KubeClient, place: PluginPlace): Promise<ActionSettings> {
  const warnings: string[] = []
  const liveStorageClasses = new Set<string>()
  const settingOf = async <T>(
    plugin: string,
    read: (data: Readonly<Record<string, string>>) => T | Promise<T>,
  ): Promise<ActionSetting<T> | undefined> => {
    const config = await readPluginConfig(kube, plugin, place)
    if (config === undefined || 'problem' in config) return config
    if ('data' in config) return { is: await read(config.data) }
    warnings.push(config.unread)
    return undefined
  }
  const storageClasses = await settingOf('velero.io/change-storage-class', async (mapping) => {
    for await (const { items } of kube.pages(StorageClasses, { signal: place.signal })) {
      for (const { metadata } of items) liveStorageClasses.add(metadata.name)
    }
    return { mapping, existing: liveStorageClasses }
  })
  const imageRules = await settingOf('velero.io/change-image-name', imageRulesOf)
  return { storageClasses, imageRules, liveStorageClasses, warnings }
}

/** `old,new` in each value; what is not of this form says nothing, as in Velero. */
function imageRulesOf(data: Readonly<Record<string, string>>): ImageRule[] {
  return Object.values(data).flatMap((value) => {
    const [from = '', ...to] = value.split(',')
    const rule = { from: from.trim(), to: to.join(',').trim() }
    return rule.from === '' || rule.to === '' ? [] : [rule]
  })
}

import type { KubeClient } from './client.ts'
import { KubeError } from './error.ts'
import type { KubeObject, ResourceType } from './object.ts'

/** Named texts, as the cluster keeps settings. */
export interface ConfigMap extends KubeObject {
  data?: Record<string, string> | undefined
}

export const ConfigMaps: ResourceType<ConfigMap> = {
  group: '',
  version: 'v1',
  plural: 'configmaps',
  kind: 'ConfigMap',
  namespaced: true,
}

export interface WantedText {
  readonly namespace: string | undefined
  readonly name: string
  /** What the ConfigMap is called in messages. */
  readonly place: string
  /** What its text is: `policies`. */
  readonly holds: string
  readonly signal?: AbortSignal | undefined
}

/** The text of a ConfigMap that must hold exactly one, or why it cannot be had. Rejects with KubeError only when the API server is lost. */
export async function onlyText(
  kube: KubeClient,
  { namespace, name, place, holds, signal }: WantedText,
): Promise<{ text: string } | { text?: undefined; problem: string }> {
  try {
    const found = await kube.find(ConfigMaps, name, { namespace, signal })
    if (found === undefined) return { problem: `${place} does not exist; make it, or name another one` }
    const texts = Object.values(found.data ?? {})
    const [text] = texts
    if (text !== undefined && texts.length === 1) return { text }
    return { problem: `${place} has ${texts.length} keys in data; it must have exactly one, with the ${holds} as YAML` }
  } catch (error) {
    if (!(error instanceof KubeError) || (error.problem !== 'forbidden' && error.problem !== 'invalid')) throw error
    return { problem: `${place} cannot be read: ${error.message}` }
  }
}

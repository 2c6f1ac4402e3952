import { parse } from 'yaml'
import type { KubeClient } from '#kube/client.ts'
import type { KubeObject } from '#kube/object.ts'
import { eventually } from './server.ts'
import type { VeleroClient } from './velero.ts'

/** Makes what `velero install ARGS` makes, as its dry run prints it: an installation without its minutes of waiting for pods. */
export async function installVelero(kube: KubeClient, velero: VeleroClient, args: readonly string[]): Promise<void> {
  const printed = await velero('install', '--dry-run', '--output', 'yaml', ...args)
  const { items } = parse(printed) as { items: KubeObject[] }
  for (const object of items) await eventually(() => created(kube, object), 60)
}

/** The object, once its type is served. Definitions that are there are ours, and need not be made. */
async function created(kube: KubeClient, object: KubeObject): Promise<KubeObject | undefined> {
  const [version = '', group = ''] = object.apiVersion.split('/').toReversed()
  const { types } = await kube.discover()
  const type = types.find((type) => type.kind === object.kind && type.group === group && type.version === version)
  if (type === undefined) return undefined
  const known = type.plural === 'customresourcedefinitions' && (await kube.find(type, object.metadata.name))
  return known || (await kube.create(type, object, { namespace: object.metadata.namespace }))
}

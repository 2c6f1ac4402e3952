// The state of a cluster in a form that two runs share: what servers and controllers make up anew is dropped, the rest stays.
// The rules are those under which test/compat/golden/state was recorded; they must not change without recording anew.
import { createHash } from 'node:crypto'
import type { KubeClient } from '#kube/client.ts'
import { cloneJson } from '#kube/json.ts'
import type { KubeObject, ServedType } from '#kube/object.ts'
import { apiVersionOf, resourceName } from '#kube/object.ts'

/** Names of the cluster-scoped objects, by `plural.group`, that a cluster had before anything was done to it. */
export type Baseline = Readonly<Record<string, readonly string[]>>

/** Normalised objects by `plural.group/namespace/name`; the namespace of cluster-scoped objects is `_cluster`. */
export type ClusterState = Map<string, KubeObject>

/** Exceptions from the rules, for the scenarios that are about what the rules drop. */
export interface Normalisation {
  /** Resources (`plural.group`) whose status is part of the state. */
  readonly keepStatusOf?: readonly string[] | undefined
  /** Whether node ports that nobody asked for are part of the state. */
  readonly keepNodePorts?: boolean | undefined
}

const neverDumped = new Set([
  'events',
  'events.events.k8s.io',
  'componentstatuses',
  'csinodes.storage.k8s.io',
  'podmetrics',
  'nodes',
  'certificatesigningrequests.certificates.k8s.io',
  'servicecidrs.networking.k8s.io',
  'ipaddresses.networking.k8s.io',
  'volumeattachments.storage.k8s.io',
])
const dumpableVerbs = ['list', 'get', 'create', 'delete']
const madeAnewMetadata = [
  'uid',
  'resourceVersion',
  'creationTimestamp',
  'managedFields',
  'generation',
  'selfLink',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
]
const controllerUidLabels = ['controller-uid', 'batch.kubernetes.io/controller-uid']
const longestValue = 4096

type Fields = Record<string, unknown>

/** What is in the cluster now and must not show up in a later `collectState`. Take it from the empty cluster. */
export async function takeBaseline(kube: KubeClient): Promise<Baseline> {
  const names: Record<string, string[]> = {}
  for (const type of await dumpableTypes(kube)) {
    if (type.namespaced) continue
    names[resourceName(type)] = (await listAll(kube, type)).map(({ metadata }) => metadata.name)
  }
  return names
}

/** Every object that came into the cluster since `baseline`, normalised. The namespace `velero` is left out. */
export async function collectState(
  kube: KubeClient,
  baseline: Baseline,
  rules: Normalisation = {},
): Promise<ClusterState> {
  const state: ClusterState = new Map()
  const oldNamespaces = new Set([...(baseline['namespaces'] ?? []), 'velero'])
  for (const type of await dumpableTypes(kube)) {
    const resource = resourceName(type)
    if (neverDumped.has(resource) || resource.endsWith('.velero.io')) continue
    const old = type.namespaced ? oldNamespaces : new Set(baseline[resource])
    for (const object of await listAll(kube, type)) {
      const { name, namespace = '' } = object.metadata
      if (old.has(type.namespaced ? namespace : name) || isMadeByController(object)) continue
      const normal = normalise(object, resource, rules)
      const owner = resource === 'pods' ? replacedOwner(object) : undefined
      if (owner !== undefined) normal.metadata.name = `${owner}-GENERATED`
      const path = `${resource}/${type.namespaced ? namespace : '_cluster'}/${normal.metadata.name}`
      state.set(owner === undefined ? path : numbered(path, state), normal)
    }
  }
  return state
}

/** A copy of `object`, a `resource` such as `deployments.apps`, without what a server or controller makes up anew. */
export function normalise(object: KubeObject, resource: string, rules: Normalisation = {}): KubeObject {
  const copy = cloneJson(object)
  const { metadata } = copy
  for (const field of madeAnewMetadata) delete metadata[field]
  for (const reference of metadata.ownerReferences ?? []) delete (reference as Partial<typeof reference>).uid
  if (!(rules.keepStatusOf ?? []).includes(resource)) delete copy['status']
  const spec = fieldsOf(copy['spec'])
  if (resource === 'services') normaliseService(copy, spec, rules)
  if (resource === 'pods') normalisePod(spec)
  if (resource === 'persistentvolumes') dropFields(spec['claimRef'], ['uid', 'resourceVersion'])
  if (resource === 'secrets' && copy['type'] === 'kubernetes.io/service-account-token') normaliseToken(copy)
  hideControllerUid(metadata.labels)
  if (resource === 'jobs.batch') {
    hideControllerUid(fieldsOf(spec['selector'])['matchLabels'])
    hideControllerUid(fieldsOf(fieldsOf(spec['template'])['metadata'])['labels'])
  }
  return shortened(copy) as KubeObject
}

/** Whether a controller makes `object` by itself, so that its presence says nothing about a restore. */
export function isMadeByController(object: KubeObject): boolean {
  if (object.apiVersion.startsWith('velero.io/')) return true
  const { name, namespace = '', labels = {}, annotations = {} } = object.metadata
  if ('kube-aggregator.kubernetes.io/automanaged' in labels) return true
  switch (object.kind) {
    case 'ConfigMap':
      return name === 'kube-root-ca.crt'
    case 'EndpointSlice':
      return (labels['endpointslice.kubernetes.io/managed-by'] ?? '').endsWith('controller.k8s.io')
    case 'Endpoints':
      return (
        'endpoints.kubernetes.io/last-change-trigger-time' in annotations ||
        (labels['endpoints.kubernetes.io/managed-by'] ?? '') !== ''
      )
    case 'Lease':
      return namespace.startsWith('kube-')
    default:
      return false
  }
}

/** Types of every group's preferred version that can be listed and written. The server names that version first. */
async function dumpableTypes(kube: KubeClient): Promise<ServedType[]> {
  const { types } = await kube.discover()
  const preferred = new Map<string, string>()
  for (const { group, version } of types) if (!preferred.has(group)) preferred.set(group, version)
  return types.filter(
    ({ group, version, verbs }) =>
      preferred.get(group) === version && dumpableVerbs.every((verb) => verbs.includes(verb)),
  )
}

async function listAll(kube: KubeClient, type: ServedType): Promise<KubeObject[]> {
  const objects: KubeObject[] = []
  for await (const page of kube.pages(type)) objects.push(...page.items)
  return objects.map((object) => ({ ...object, apiVersion: apiVersionOf(type), kind: type.kind }))
}

/** The owner of a pod that its controller had to create anew under a random name; undefined for all other pods. */
function replacedOwner({ metadata }: KubeObject): string | undefined {
  if ('velero.io/restore-name' in (metadata.labels ?? {})) return undefined
  const owner = metadata.ownerReferences?.find(({ controller }) => controller)
  return owner === undefined || owner.kind === 'StatefulSet' ? undefined : owner.name
}

function numbered(path: string, state: ClusterState): string {
  return `${path}-${[...state.keys()].filter((key) => key.startsWith(path)).length}`
}

function normaliseService(service: KubeObject, spec: Fields, rules: Normalisation): void {
  if (spec['clusterIP'] !== 'None') dropFields(spec, ['clusterIP', 'clusterIPs'])
  if (rules.keepNodePorts === true) return
  const applied = service.metadata.annotations?.['kubectl.kubernetes.io/last-applied-configuration']
  const asked = new Set(applied === undefined ? [] : portsOf(fieldsOf(JSON.parse(applied))['spec']).map(nodePort))
  for (const port of portsOf(spec)) if (!asked.has(nodePort(port))) delete port['nodePort']
  delete spec['healthCheckNodePort']
}

function portsOf(spec: unknown): Fields[] {
  return listOf(fieldsOf(spec)['ports'])
}

function nodePort(port: Fields): unknown {
  return port['nodePort']
}

function normalisePod(spec: Fields): void {
  const isToken = ({ name }: Fields): boolean => String(name).startsWith('kube-api-access-')
  delete spec['nodeName']
  spec['volumes'] = listOf(spec['volumes']).filter((volume) => !isToken(volume))
  for (const container of [...listOf(spec['containers']), ...listOf(spec['initContainers'])]) {
    container['volumeMounts'] = listOf(container['volumeMounts']).filter((mount) => !isToken(mount))
  }
  spec['tolerations'] = listOf(spec['tolerations']).filter(
    ({ key, tolerationSeconds }) =>
      !(
        (key === 'node.kubernetes.io/not-ready' || key === 'node.kubernetes.io/unreachable') &&
        tolerationSeconds === 300
      ),
  )
}

function normaliseToken(secret: KubeObject): void {
  const keys = Object.keys(fieldsOf(secret['data']))
  secret['data'] = Object.fromEntries(keys.map((key) => [key, '<token>']))
  dropFields(secret.metadata.annotations, ['kubernetes.io/service-account.uid'])
  dropFields(secret.metadata.labels, ['kubernetes.io/legacy-token-last-used'])
}

function hideControllerUid(labels: unknown): void {
  const present = fieldsOf(labels)
  for (const key of controllerUidLabels) if (key in present) present[key] = '<uid>'
}

function dropFields(object: unknown, names: readonly string[]): void {
  const fields = fieldsOf(object)
  for (const name of names) delete fields[name]
}

/** `value` with every long text replaced by its hash; lengths count characters, not UTF-16 units. */
function shortened(value: unknown): unknown {
  if (typeof value === 'string') return value.length > longestValue ? digestOf(value) : value
  if (Array.isArray(value)) return value.map(shortened)
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, shortened(field)]))
}

function digestOf(text: string): string {
  const { length } = Array.from(text)
  if (length <= longestValue) return text
  return `sha256:${createHash('sha256').update(text).digest('hex')};len=${length}`
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {}
}

function listOf(value: unknown): Fields[] {
  return Array.isArray(value) ? (value as Fields[]) : []
}

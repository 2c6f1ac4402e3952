import { createCipheriv, createHash } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import type { KubeClient } from '#kube/client.ts'
import { KubeError } from '#kube/error.ts'
import type { KubeObject, ResourceType } from '#kube/object.ts'
import { apiVersionOf } from '#kube/object.ts'
import { forEachParallel } from './parallel.ts'

/** What a cluster looks like: many kinds of objects; the same in a namespace for every five objects; nothing but Secrets of 20 KB. */
export type Shape = 'mixed' | 'namespaces' | 'secrets'

export interface FillOptions {
  /** Default `mixed`. */
  shape?: Shape | undefined
  /** How many objects to create, besides namespaces and one definition, and besides what controllers add (about one object per Deployment and Service). */
  objects: number
  /** Over how many namespaces; default 1 per 250 objects, at least 5 and at most 50, and by its shape 1 per 5. */
  namespaces?: number | undefined
  /** Creates under way at the same time; default 64. */
  parallel?: number | undefined
  /** All names begin with it; default `fill`. */
  prefix?: string | undefined
  signal?: AbortSignal | undefined
  onCreated?: ((created: number) => void) | undefined
}

/** What a cluster was filled with. */
export interface Filled {
  objects: number
  namespaces: string[]
  seconds: number
}

/** Fills a cluster with a mixture of kinds like that of a busy one, without a single running pod. Filling twice with the same prefix changes nothing. Rejects with KubeError. */
export async function fillCluster(kube: KubeClient, options: FillOptions): Promise<Filled> {
  const { objects, shape = 'mixed', parallel = 64, prefix = 'fill', signal, onCreated } = options
  const began = performance.now()
  const few = Math.min(50, Math.max(5, Math.ceil(objects / 250)))
  const count = options.namespaces ?? (shape === 'namespaces' ? Math.ceil(objects / 5) : few)
  const namespaces = Array.from({ length: count }, (_, i) => `${prefix}-${String(i).padStart(2, '0')}`)
  await createUnlessThere(kube, Definition, crd())
  await forEachParallel(namespaces, parallel, async (name) => {
    await createUnlessThere(kube, Namespace, { metadata: { name, labels: { 'bench.example.com/fill': prefix } } })
  })
  await untilServed(kube, signal)
  let created = 0
  await forEachParallel(
    Array.from({ length: objects }, (_, i) => i),
    parallel,
    async (i) => {
      signal?.throwIfAborted()
      const { type, body } = shape === 'secrets' ? bigSecret(i, prefix) : objectNumber(i, prefix)
      await createUnlessThere(kube, type, body, type.namespaced ? namespaces[i % count] : undefined)
      created += 1
      onCreated?.(created)
    },
  )
  return { objects, namespaces, seconds: (performance.now() - began) / 1000 }
}

type Body = Pick<KubeObject, 'metadata'> & Record<string, unknown>

const builtIn = (plural: string, kind: string, group = '', namespaced = true): ResourceType => ({
  group,
  version: 'v1',
  plural,
  kind,
  namespaced,
})

const rbac = 'rbac.authorization.k8s.io'
const Namespace = builtIn('namespaces', 'Namespace', '', false)
const Definition = builtIn('customresourcedefinitions', 'CustomResourceDefinition', 'apiextensions.k8s.io', false)
const Secret = builtIn('secrets', 'Secret')
const Boat = builtIn('boats', 'Boat', 'bench.example.com')

/** Kind after kind in these shares out of 100; the rest of each body is in `make`. */
const mixture: readonly { share: number; type: ResourceType; make: (i: number, name: string) => object }[] = [
  { share: 26, type: builtIn('configmaps', 'ConfigMap'), make: (i) => ({ data: settings(i) }) },
  { share: 18, type: Secret, make: (i) => ({ type: 'Opaque', stringData: settings(i) }) },
  { share: 12, type: builtIn('deployments', 'Deployment', 'apps'), make: deployment },
  { share: 10, type: Boat, make: (i) => ({ spec: { sails: i % 7, name: `boat ${i}`, log: settings(i) } }) },
  { share: 8, type: builtIn('serviceaccounts', 'ServiceAccount'), make: () => ({}) },
  { share: 7, type: builtIn('services', 'Service'), make: service },
  { share: 5, type: builtIn('roles', 'Role', rbac), make: () => ({ rules }) },
  { share: 5, type: builtIn('rolebindings', 'RoleBinding', rbac), make: (_, name) => binding('Role', name) },
  {
    share: 4,
    type: builtIn('networkpolicies', 'NetworkPolicy', 'networking.k8s.io'),
    make: (_, name) => ({ spec: { podSelector: app(name), policyTypes: ['Ingress'] } }),
  },
  { share: 3, type: builtIn('persistentvolumeclaims', 'PersistentVolumeClaim'), make: claim },
  { share: 1, type: builtIn('clusterroles', 'ClusterRole', rbac, false), make: () => ({ rules }) },
  {
    share: 1,
    type: builtIn('clusterrolebindings', 'ClusterRoleBinding', rbac, false),
    make: () => binding('ClusterRole', 'view'),
  },
]

const hundred = mixture.flatMap((kind) => Array.from({ length: kind.share }, () => kind))

/** 20 KB of what compresses about as well as certificates and releases do: hardly. */
function bigSecret(i: number, prefix: string): { type: ResourceType; body: Body } {
  const seed = createHash('sha256').update(`${prefix}-${i}`).digest()
  const cipher = createCipheriv('aes-256-ctr', seed, seed.subarray(0, 16))
  const data = { blob: cipher.update(Buffer.alloc(20_000)).toString('base64') }
  return { type: Secret, body: { metadata: { name: `${prefix}-${i}` }, type: 'Opaque', data } }
}

/** The same object for the same number, whatever the size of the cluster. */
function objectNumber(i: number, prefix: string): { type: ResourceType; body: Body } {
  // 37 and 100 have no common divisor: neighbours are of different kinds, and every hundred has them all.
  const kind = hundred[(i * 37) % hundred.length]!
  const name = `${prefix}-${i}`
  const labels = {
    'app.kubernetes.io/name': name,
    'app.kubernetes.io/part-of': `group-${i % 10}`,
    tier: i % 2 === 0 ? 'front' : 'back',
  }
  return { type: kind.type, body: { metadata: { name, labels }, ...kind.make(i, name) } }
}

function settings(i: number): Record<string, string> {
  const pairs = Array.from({ length: 8 }, (_, k) => [
    `key-${k}`,
    `value ${i}-${k} ${(i * 7919 + k * 104729).toString(36).repeat(6)}`,
  ])
  return Object.fromEntries(pairs)
}

const rules = [{ apiGroups: [''], resources: ['configmaps', 'secrets'], verbs: ['get', 'list', 'watch'] }]

function binding(kind: string, name: string): object {
  return {
    roleRef: { apiGroup: rbac, kind, name },
    subjects: [{ kind: 'ServiceAccount', name: 'default', namespace: 'default' }],
  }
}

function app(name: string): { matchLabels: Record<string, string> } {
  return { matchLabels: { app: name } }
}

/** Without replicas, since there is no node. */
function deployment(i: number, name: string): object {
  const env = Object.entries(settings(i)).map(([key, value]) => ({ name: key.replace('-', '_'), value }))
  const containers = [{ name: 'main', image: `registry.example.com/app:${i}`, env, ports: [{ containerPort: 8080 }] }]
  const template = { metadata: { labels: { app: name } }, spec: { containers } }
  return { spec: { replicas: 0, selector: app(name), template } }
}

/** Headless: a test cluster has few service addresses. */
function service(_i: number, name: string): object {
  return { spec: { clusterIP: 'None', selector: { app: name }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] } }
}

/** Never bound, since its class does not exist. */
function claim(): object {
  const resources = { requests: { storage: '1Gi' } }
  return { spec: { accessModes: ['ReadWriteOnce'], storageClassName: 'none', resources } }
}

function crd(): Body {
  const openAPIV3Schema = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true }
  return {
    metadata: { name: 'boats.bench.example.com' },
    spec: {
      group: Boat.group,
      scope: 'Namespaced',
      names: { plural: Boat.plural, kind: Boat.kind, singular: 'boat', listKind: 'BoatList' },
      versions: [{ name: Boat.version, served: true, storage: true, schema: { openAPIV3Schema } }],
    },
  }
}

async function createUnlessThere(kube: KubeClient, type: ResourceType, body: Body, namespace?: string): Promise<void> {
  const object = { apiVersion: apiVersionOf(type), kind: type.kind, ...body }
  try {
    await kube.create(type, object, { namespace })
  } catch (error) {
    if (!(error instanceof KubeError) || error.problem !== 'already-exists') throw error
  }
}

async function untilServed(kube: KubeClient, signal: AbortSignal | undefined): Promise<void> {
  for (;;) {
    try {
      await kube.list(Boat, { limit: 1, signal })
      return
    } catch (error) {
      if (!(error instanceof KubeError) || error.problem !== 'not-found') throw error
      await pause(100, undefined, { signal })
    }
  }
}

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseAllDocuments } from 'yaml'
import type { KubeClient } from '#kube/client.ts'
import { KubeError } from '#kube/error.ts'
import type { KubeObject, ResourceType } from '#kube/object.ts'
import { apiVersionOf } from '#kube/object.ts'
import { eventually } from '../support/server.ts'

// Known to Node, not yet to the compiler.
const { rawJSON } = JSON as unknown as { rawJSON: (text: string) => unknown }
const folder = join(import.meta.dirname, 'golden', 'workloads')
const files = ['00-cluster', '10-harbor', '20-orchard', '30-orchard-crs']

/**
 * Fills a cluster with the workloads of the recordings, as `kubectl apply` does. Their hooks are left out: they would run in
 * containers, and no container runs here.
 */
export async function applyWorkloads(kube: KubeClient): Promise<void> {
  for (const file of files) {
    const documents = await documentsOf(join(folder, `${file}.yaml`))
    for (const document of documents) await applySoon(kube, withoutHooks(document))
  }
}

async function documentsOf(path: string): Promise<KubeObject[]> {
  const documents = parseAllDocuments(await readFile(path, 'utf8'), { intAsBigInt: true })
  return documents.map((document) => exactNumbers(document.toJS({ intAsBigInt: true })) as KubeObject)
}

/** Integers that a JavaScript number cannot hold become raw JSON, as kube/ reads them. */
function exactNumbers(value: unknown): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : rawJSON(`${value}`)
  if (Array.isArray(value)) return value.map(exactNumbers)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, exactNumbers(field)]))
}

function withoutHooks(object: KubeObject): KubeObject {
  const { annotations, ...metadata } = object.metadata
  if (annotations === undefined) return object
  const kept = Object.entries(annotations).filter(([key]) => !key.includes('.hook.'))
  return { ...object, metadata: { ...metadata, annotations: Object.fromEntries(kept) } }
}

const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration'

/** Creates the object once the cluster takes it: a definition, an account or a quota before it may not be ready yet. */
async function applySoon(kube: KubeClient, object: KubeObject): Promise<void> {
  const annotations = { ...object.metadata.annotations, [lastApplied]: `${JSON.stringify(object)}\n` }
  const applied = { ...object, metadata: { ...object.metadata, annotations } }
  const { namespace } = object.metadata
  const type = await eventually(() => typeOf(kube, object))
  const deadline = performance.now() + 30_000
  for (;;) {
    try {
      await kube.create(type, applied, { namespace })
      return
    } catch (error) {
      if (!(error instanceof KubeError && error.problem === 'forbidden') || performance.now() > deadline) throw error
      await sleep(100)
    }
  }
}

async function typeOf(kube: KubeClient, { apiVersion, kind }: KubeObject): Promise<ResourceType | undefined> {
  const { types } = await kube.discover()
  return types.find((type) => type.kind === kind && apiVersionOf(type) === apiVersion)
}

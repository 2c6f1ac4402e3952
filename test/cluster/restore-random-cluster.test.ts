// Thousands of random objects of random types: the restored cluster is compared with the original, object by object.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { KubeClient } from '#kube/client.ts'
import { resourceName, type ResourceType } from '#kube/object.ts'
import { memoryStore } from '#store/memory.ts'
import { findingsOf } from '../support/backup-results.ts'
import { backUp } from '../support/backup-run.ts'
import { canonical, lasting, type Fields } from '../support/canonical-json.ts'
import { ownCluster } from '../support/cluster.ts'
import * as types from '../support/objects.ts'
import { configMapFields, metadataFields, randomType, secretFields, type RandomType } from '../support/random-types.ts'
import { rawApi, type RawApi } from '../support/raw-api.ts'
import { bringBack, eventually } from './restore-order.ts'

const TYPES = 30
const OF_EACH_TYPE = 60
const CONFIG_MAPS = 2400
const SECRETS = 800
const namespaces = ['random-a', 'random-b', 'random-c', 'random-d', 'random-e', 'random-f']
const AT_ONCE = 24

/** Names the run: LIFEBOAT_SEED=… repeats one. */
const seed = Number(process.env['LIFEBOAT_SEED'] ?? Date.now() % 2 ** 31)

interface Writing {
  readonly path: string
  readonly body: string
}

const pathOf = ({ group, version, plural, namespaced }: ResourceType, namespace?: string): string =>
  `${group === '' ? '/api' : `/apis/${group}`}/${version}${namespaced && namespace ? `/namespaces/${namespace}` : ''}/${plural}`

/** `count` objects of a type, spread over its versions and the namespaces. */
function writings(
  type: ResourceType,
  fields: fc.Arbitrary<string>,
  { count, versions = [type.version], seedOf }: { count: number; versions?: readonly string[]; seedOf: number },
): Writing[] {
  const samples = fc.sample(fc.tuple(metadataFields, fields), { seed: seed + seedOf, numRuns: count })
  return samples.map(([metadata, rest], at) => {
    const version = versions[at % versions.length] ?? type.version
    const apiVersion = type.group === '' ? version : `${type.group}/${version}`
    const body = `{"apiVersion":"${apiVersion}","kind":"${type.kind}","metadata":{"name":"o-${at}",${metadata}},${rest}}`
    return { path: pathOf({ ...type, version }, namespaces[at % namespaces.length]), body }
  })
}

async function writeAll(raw: RawApi, all: readonly Writing[]): Promise<void> {
  const waiting = all.values()
  const worker = async (): Promise<void> => {
    for (const { path, body } of waiting) {
      await raw(path, body).catch((error: unknown) => {
        throw new Error(`${(error as Error).message}; sent ${body.slice(0, 2000)}`)
      })
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
}

async function define(kube: KubeClient, raw: RawApi, made: readonly RandomType[]): Promise<void> {
  await writeAll(
    raw,
    made.map(({ definition }) => ({ path: pathOf(types.Definitions), body: definition })),
  )
  await eventually(async () => {
    const served = new Set((await kube.discover()).types.map((type) => `${resourceName(type)}/${type.version}`))
    return made.every(({ type, versions }) => versions.every((one) => served.has(`${resourceName(type)}/${one}`)))
  }, 'all random types')
}

/** Every object of these types, by type and name, as text that is the same for the same content. */
async function stateOf(raw: RawApi, all: readonly ResourceType[]): Promise<Map<string, string>> {
  const state = new Map<string, string>()
  for (const type of all) {
    const list = canonical(await raw(pathOf(type)), lasting)
    const items = fieldOf(JSON.parse(list), 'items') as unknown[]
    for (const item of items) {
      const metadata = fieldOf(item, 'metadata')
      const [namespace = '', name] = [fieldOf(metadata, 'namespace'), fieldOf(metadata, 'name')] as [string?, string?]
      const ours = type.namespaced ? namespaces.includes(namespace) : String(name).match(/^random|^o-/) !== null
      // The cluster's own certificates, and what only tells how a definition fared.
      if (!ours || name === 'kube-root-ca.crt') continue
      const kept = type === types.Definitions ? without(item, 'status') : item
      state.set(`${resourceName(type)} ${namespace}/${name}`, JSON.stringify(kept))
    }
  }
  return state
}

function fieldOf(value: unknown, name: string): unknown {
  return (value as { object: Fields }).object.find(([key]) => key === name)?.[1]
}

function without(value: unknown, name: string): unknown {
  return { object: (value as { object: Fields }).object.filter(([key]) => key !== name) }
}

test(`a cluster of 5,000 random objects of 30 random types comes back as it was (seed ${seed})`, async (context) => {
  const made = Array.from({ length: TYPES }, (_, at) => fc.sample(randomType(at), { seed: seed + at, numRuns: 1 })[0]!)
  const all = [types.Namespaces, types.Definitions, types.ConfigMaps, types.Secrets, ...made.map(({ type }) => type)]
  const store = memoryStore()
  const spec = { includedNamespaces: namespaces, includeClusterResources: true }
  let original: Map<string, string>
  {
    await using cluster = await ownCluster()
    const { kube } = cluster
    const raw = await rawApi(cluster.kubeconfigPath)
    await define(kube, raw, made)
    for (const name of namespaces) await types.make(kube, types.Namespaces, { name })
    const writes = [
      ...made.flatMap(({ type, versions, fields }, at) =>
        writings(type, fields, { count: OF_EACH_TYPE, versions, seedOf: 1000 + at }),
      ),
      ...writings(types.ConfigMaps, configMapFields, { count: CONFIG_MAPS, seedOf: 2000 }),
      ...writings(types.Secrets, secretFields, { count: SECRETS, seedOf: 3000 }),
    ]
    assert.ok(writes.length >= 5000)
    await writeAll(raw, writes)
    original = await stateOf(raw, all)
    assert.equal(original.size, writes.length + TYPES + namespaces.length)
    const { status } = await backUp({ kube, store, spec })
    assert.equal(status?.phase, 'Completed', (await findingsOf(store)).errors.join('\n'))
  }
  await using cluster = await ownCluster()
  const { restore, results } = await bringBack({ kube: cluster.kube, store, spec })
  assert.deepEqual(results.errors, {}, `seed ${seed}`)
  assert.equal(restore.status?.phase, 'Completed')
  const restored = await stateOf(await rawApi(cluster.kubeconfigPath), all)
  const names = new Set([...original.keys(), ...restored.keys()])
  const different = [...names].filter((name) => original.get(name) !== restored.get(name))
  context.diagnostic(`${names.size} objects compared, seed ${seed}`)
  const [first = ''] = different
  const shown = [original.get(first), restored.get(first)].map((text) => text?.slice(0, 3000))
  assert.equal(different.length, 0, `seed ${seed}: ${different.length} differ; ${first}: ${shown.join('\nis now ')}`)
})

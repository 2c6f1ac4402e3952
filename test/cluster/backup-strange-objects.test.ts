import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { extract } from 'tar-stream'
import type { KubeClient } from '#kube/client.ts'
import type { ResourceType } from '#kube/object.ts'
import { resourceName } from '#kube/object.ts'
import { backupKey } from '#store/layout.ts'
import { memoryStore } from '#store/memory.ts'
import type { ObjectStore } from '#store/store.ts'
import { findingsOf } from '../support/backup-results.ts'
import { backUp, readBackup } from '../support/backup-run.ts'
import { ownCluster } from '../support/cluster.ts'
import { canonical, lasting } from '../support/canonical-json.ts'
import { customType, define } from '../support/custom-type.ts'
import { ConfigMaps, make, Namespaces } from '../support/objects.ts'
import { rawApi, type RawApi } from '../support/raw-api.ts'
import { bringBack, removeNamespace } from './restore-order.ts'

const limit = { timeout: 60_000 }
const namespace = 'attic'
const Oddities = customType('oddities')

let cluster: Awaited<ReturnType<typeof ownCluster>>
let kube: KubeClient
let raw: RawApi
before(async () => {
  cluster = await ownCluster()
  ;({ kube } = cluster)
  raw = await rawApi(cluster.kubeconfigPath)
  await define(kube, Oddities)
  await make(kube, Namespaces, { name: namespace })
  for (const [name, fields] of Object.entries(oddities)) await raw(pathOf(Oddities), bodyOf(Oddities, name, fields))
  for (const [name, fields] of Object.entries(maps)) await raw(pathOf(ConfigMaps), bodyOf(ConfigMaps, name, fields))
})
after(() => cluster[Symbol.asyncDispose]())

const LONGEST_NAME = 'n'.repeat(253)

/** Fields of custom objects, as JSON text so that nothing on our side can change them. */
const oddities: Record<string, string> = {
  // The API server takes requests up to 3 MB and etcd values up to 1.5 MB.
  big: `"spec":{"text":"${'lorem ipsum '.repeat(119_000)}"}`,
  'long-key': `"spec":{"${'k'.repeat(40_000)}":"v"}`,
  [LONGEST_NAME]: '"spec":{}',
  unicode: String.raw`"spec":{"日本語":"😀 é é \u2028\u2029 \u0000 \u001f \\ \" / <b>&</b>","":"empty key"}`,
  numbers:
    '"spec":{"max":9223372036854775807,"min":-9223372036854775808,"odd":9007199254740993,"safe":9007199254740991,' +
    '"many":[9007199254740993,1,9007199254740995],"tenth":0.1,"tiny":1e-7,"huge":1e+30,"third":0.3333333333333333}',
  deep: `"spec":{"d":${'{"d":'.repeat(1000)}[[]]${'}'.repeat(1000)}}`,
  prototypes:
    '"spec":{"__proto__":{"polluted":true},"constructor":{"prototype":{"x":1}},"toString":"t","hasOwnProperty":null}',
  'numeric-keys': '"spec":{"10":"a","9":"b","1":"c","-1":"d","01":"e","x":"f"}',
  empty: '"spec":{"object":{},"list":[],"none":null,"text":"","zero":0,"no":false}',
  twin: '"spec":{"n":1}',
  'twin.json': '"spec":{"n":2}',
  'twin.json.json': '"spec":{"n":3}',
}

const maps: Record<string, string> = {
  // ConfigMaps hold a mebibyte of data at most.
  full: `"data":{"a":"${'x'.repeat(1_000_000)}"},"binaryData":{"b":"${Buffer.from([0, 255, 10, 13]).toString('base64')}"}`,
  keys: `"data":{"${'k'.repeat(253)}":"v","__proto__":"p","constructor":"c"}`,
  [LONGEST_NAME]: '"data":{"unicode":"日本語 😀"}',
}

const metadataOf = (name: string): string =>
  name === 'keys'
    ? `"labels":{"${'p'.repeat(63)}.${'q'.repeat(63)}/${'l'.repeat(63)}":"${'v'.repeat(63)}"},"annotations":{"note":"${'ä'.repeat(120_000)}","constructor":"x"},`
    : ''

function bodyOf(type: ResourceType, name: string, fields: string): string {
  const apiVersion = type.group === '' ? type.version : `${type.group}/${type.version}`
  return `{"apiVersion":"${apiVersion}","kind":"${type.kind}","metadata":{${metadataOf(name)}"name":"${name}"},${fields}}`
}

function pathOf({ group, version, plural }: ResourceType, name?: string): string {
  const base = group === '' ? `/api/${version}` : `/apis/${group}/${version}`
  return `${base}/namespaces/${namespace}/${plural}${name === undefined ? '' : `/${name}`}`
}

/** Every entry of the archive, by its path. */
async function entriesOf(store: ObjectStore): Promise<Map<string, string>> {
  const entries = new Map<string, string>()
  const tar = Readable.from(await store.get(backupKey('nightly', 'contents')))
    .pipe(createGunzip())
    .pipe(extract())
  for await (const entry of tar) {
    entries.set(entry.header.name, Buffer.concat((await Array.fromAsync(entry)) as Buffer[]).toString('utf8'))
  }
  return entries
}

const all = (): [ResourceType, string][] => [
  ...Object.keys(oddities).map((name): [ResourceType, string] => [Oddities, name]),
  ...Object.keys(maps).map((name): [ResourceType, string] => [ConfigMaps, name]),
]

test(
  'whatever an object holds goes into the archive as the API server gives it, and comes out of a restore',
  limit,
  async () => {
    const before = new Map<string, string>()
    for (const [type, name] of all()) before.set(`${resourceName(type)} ${name}`, await raw(pathOf(type, name)))
    const store = memoryStore()
    const { status } = await backUp({ kube, store, spec: { includedNamespaces: [namespace] } })
    assert.equal(status?.phase, 'Completed', (await findingsOf(store)).errors.join('\n'))
    assert.deepEqual((await readBackup(store)).verification.differences, [])

    const entries = await entriesOf(store)
    for (const [type, name] of all()) {
      const resource = resourceName(type)
      for (const folder of ['', 'v1-preferredversion/']) {
        const stored = entries.get(`resources/${resource}/${folder}namespaces/${namespace}/${name}.json`)
        assert.ok(stored !== undefined, `${resource} ${name} is not in the archive`)
        same(
          canonical(stored),
          canonical(before.get(`${resource} ${name}`) ?? ''),
          `${resource} ${name} in the archive`,
        )
      }
    }

    await removeNamespace(kube, namespace)
    const { restore, results } = await bringBack({ kube, store })
    assert.equal(restore.status?.phase, 'Completed', JSON.stringify(results).slice(0, 1000))
    for (const [type, name] of all()) {
      const what = `${resourceName(type)} ${name}`
      same(
        canonical(await raw(pathOf(type, name)), lasting),
        canonical(before.get(what) ?? '', lasting),
        `${what} restored`,
      )
    }
  },
)

/** Like `assert.equal`, for texts too long to print. */
function same(actual: string, expected: string, what: string): void {
  if (actual === expected) return
  let at = 0
  while (actual[at] === expected[at]) at += 1
  assert.fail(
    `${what} differs at ${at}: ${actual.slice(at - 60, at + 60)} instead of ${expected.slice(at - 60, at + 60)}`,
  )
}

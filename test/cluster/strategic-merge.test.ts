import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { JsonObject } from '#items/json.ts'
import { mergeRulesOf, type FieldRule, type MergeRules } from '#items/merge-keys.ts'
import { PatchError } from '#items/patch-error.ts'
import { applyStrategicPatch } from '#items/strategic-merge.ts'
import type { KubeClient } from '#kube/client.ts'
import { KubeError } from '#kube/error.ts'
import { resourceName, type KubeObject, type ResourceType } from '#kube/object.ts'
import { sharedCluster, testNamespace } from '../support/cluster.ts'
import { Deployments, ServiceAccounts, make } from '../support/objects.ts'
import { rawApi } from '../support/raw-api.ts'

interface Schema {
  properties?: Record<string, Schema>
  items?: Schema
  $ref?: string
  'x-kubernetes-patch-merge-key'?: string
  'x-kubernetes-patch-strategy'?: string
  'x-kubernetes-group-version-kind'?: { group: string; version: string; kind: string }[]
}

// No restore brings them back; status is taken off before patches.
const neverPatched = ['nodes', 'csinodes.storage.k8s.io', 'componentstatuses']

test('the merge keys are those of the API description, for every type that the server serves', async () => {
  const { kube, kubeconfigPath } = await sharedCluster()
  const api = await rawApi(kubeconfigPath)
  const { definitions } = JSON.parse(await api('/openapi/v2')) as { definitions: Record<string, Schema> }
  const { types } = await kube.discover()
  let compared = 0
  for (const type of types) {
    const resource = resourceName(type)
    const rules = mergeRulesOf(resource)
    const schema = Object.values(definitions).find((one) => describes(one, type))
    if (rules === undefined || schema?.properties?.['metadata'] === undefined || neverPatched.includes(resource))
      continue
    const { status: _, ...fields } = schema.properties
    assert.deepEqual(rulesOf({ properties: fields }, definitions), rules, `${resource} ${type.version}`)
    compared += 1
  }
  assert.ok(compared > 40, `${compared} types were compared`)
})

function describes(schema: Schema, { group, version, kind }: ResourceType): boolean {
  const kinds = schema['x-kubernetes-group-version-kind'] ?? []
  return kinds.length === 1 && kinds[0]?.group === group && kinds[0].version === version && kinds[0].kind === kind
}

/** The rules that a schema describes, fields without any left out. */
function rulesOf(schema: Schema, definitions: Record<string, Schema>, above: readonly string[] = []): MergeRules {
  const entries = Object.entries(schema.properties ?? {}).map(([name, field]): [string, FieldRule] => {
    const reference = (field.$ref ?? field.items?.$ref ?? '').split('/').at(-1) ?? ''
    const inner = above.includes(reference) ? undefined : definitions[reference]
    const fields = inner === undefined ? {} : rulesOf(inner, definitions, [...above, reference])
    const strategy = field['x-kubernetes-patch-strategy'] ?? ''
    const isMerged = strategy.split(',').includes('merge')
    // A list that is replaced as a whole never gets to the rules of its elements.
    const reaches = Object.keys(fields).length > 0 && (field.items === undefined || isMerged)
    return [
      name,
      {
        ...(isMerged ? { key: field['x-kubernetes-patch-merge-key'] ?? '' } : {}),
        ...(strategy === 'replace' ? { replaced: true as const } : {}),
        ...(reaches ? { fields } : {}),
      },
    ]
  })
  return Object.fromEntries(entries.filter(([, rule]) => Object.keys(rule).length > 0))
}

const names = ['a', 'b', 'c', 'd'] as const
const named = fc.constantFrom(...names)
const env = fc.uniqueArray(fc.record({ name: fc.constantFrom('X', 'Y', 'Z'), value: fc.constantFrom('1', '2') }), {
  selector: ({ name }) => name,
})
const port = fc.record({ containerPort: fc.constantFrom(80, 81), name: fc.constantFrom('p', 'q', 'r') })
const container = fc.record({
  name: named,
  image: fc.constantFrom('one', 'two'),
  env,
  ports: fc.uniqueArray(port, { selector: ({ containerPort }) => containerPort, maxLength: 1 }),
})
const containers = fc.uniqueArray(container, { selector: ({ name }) => name, minLength: 1, maxLength: 3 })

/** What a patch says of one container: all kinds of changes and directives. */
const containerPatch = fc.oneof(
  container,
  fc.record({ name: named, image: fc.constantFrom('one', 'two') }),
  fc.record({
    name: named,
    env: fc.array(fc.record({ name: fc.constantFrom('X', 'W'), value: fc.constant('3') }), { maxLength: 1 }),
  }),
  fc.record({ name: named, env: fc.constantFrom([{ name: 'X', $patch: 'delete' }], [{ $patch: 'replace' }], null) }),
  fc.record({ name: named, $patch: fc.constant('delete') }),
)
const order = fc.shuffledSubarray([...names], { minLength: 1 }).map((list) => list.map((name) => ({ name })))
const specPatch = fc.record(
  {
    containers: fc.uniqueArray(containerPatch, { selector: ({ name }) => name, maxLength: 3 }),
    '$setElementOrder/containers': order,
    nodeSelector: fc.constantFrom({ x: '2', y: null }, { $patch: 'replace', z: '1' }, { $patch: 'delete' }, null),
    securityContext: fc.constantFrom({ fsGroup: 1 }, { $retainKeys: ['fsGroup'], fsGroup: 2 }),
    volumes: fc.constantFrom(
      [{ name: 'v', $retainKeys: ['name', 'secret'], secret: { secretName: 's' } }],
      [{ name: 'w', emptyDir: {} }],
    ),
    tolerations: fc.constantFrom([{ key: 'a', operator: 'Exists' }], []),
  },
  { requiredKeys: [] },
)

test('a strategic merge patch does what the API server would have done', { timeout: 180_000 }, async () => {
  const { kube } = await sharedCluster()
  await using namespace = await testNamespace(kube)
  let sequence = 0
  const property = fc.asyncProperty(containers, specPatch, async (before, patch) => {
    const live = await make(kube, Deployments, {
      name: `web-${(sequence += 1)}`,
      namespace: namespace.name,
      spec: {
        replicas: 0,
        selector: { matchLabels: { app: 'web' } },
        template: {
          metadata: { labels: { app: 'web' } },
          spec: {
            containers: before,
            nodeSelector: { x: '1', y: '1' },
            securityContext: { runAsUser: 7, fsGroup: 7 },
            volumes: [{ name: 'v', emptyDir: {} }],
          },
        },
      },
    })
    await assertSame(kube, Deployments, live, { spec: { template: { spec: patch } } })
  })
  await fc.assert(property, { numRuns: 60 })
})

test('finalizers and secrets are merged as the API server merges them', async () => {
  const { kube } = await sharedCluster()
  await using namespace = await testNamespace(kube)
  const live = await make(kube, ServiceAccounts, {
    name: 'till',
    namespace: namespace.name,
    metadata: { labels: { a: '1', b: '2' } },
    secrets: [{ name: 'one' }, { name: 'two' }],
  })
  const withFinalizers = { ...live, metadata: { ...live.metadata, finalizers: ['test.dev/a', 'test.dev/b'] } }
  const held = await kube.replace(ServiceAccounts, withFinalizers, { namespace: namespace.name })
  try {
    for (const patch of [
      { metadata: { finalizers: ['test.dev/c', 'test.dev/a'] } },
      { metadata: { '$deleteFromPrimitiveList/finalizers': ['test.dev/a'] } },
      { metadata: { '$setElementOrder/finalizers': ['test.dev/b', 'test.dev/a'] } },
      { metadata: { labels: { $patch: 'replace', c: '3' } } },
      { metadata: { labels: { $retainKeys: ['b'], b: '4' } } },
      { secrets: [{ name: 'three' }] },
      { secrets: [{ name: 'one', $patch: 'delete' }] },
      { secrets: [{ $patch: 'replace' }, { name: 'only' }] },
      { '$setElementOrder/secrets': [{ name: 'two' }, { name: 'one' }] },
      { secrets: [{ namespace: 'x' }] },
    ]) {
      await assertSame(kube, ServiceAccounts, held, patch)
    }
  } finally {
    await kube.patch(
      ServiceAccounts,
      'till',
      { merge: { metadata: { finalizers: null } } },
      { namespace: namespace.name },
    )
  }
})

/** Both ways without writing; a patch that one refuses, the other refuses too. */
async function assertSame(kube: KubeClient, type: ResourceType, live: KubeObject, patch: JsonObject): Promise<void> {
  const { name, namespace } = live.metadata
  const options = { namespace, dryRun: true }
  const theirs = await outcome(() => kube.patch(type, name, { strategic: patch }, options))
  const ours = await outcome(() => {
    const patched = applyStrategicPatch(live, patch, mergeRulesOf(resourceName(type))!) as unknown as KubeObject
    // A controller may have touched the object in between.
    return kube.replace(type, { ...patched, metadata: { ...patched.metadata, resourceVersion: undefined } }, options)
  })
  assert.deepEqual(ours, theirs, JSON.stringify(patch))
}

async function outcome(patched: () => Promise<KubeObject>): Promise<unknown> {
  try {
    const { metadata, spec, secrets } = await patched()
    return { labels: metadata.labels, finalizers: metadata.finalizers, spec, secrets }
  } catch (error) {
    if (error instanceof PatchError || error instanceof KubeError) return 'refused'
    throw error
  }
}

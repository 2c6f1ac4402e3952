// Resource modifiers as restores find them in ConfigMaps; what each rule means is tested in src/items/.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { Backups } from '#api/backup.ts'
import { Restores, type Restore } from '#api/restore.ts'
import type { KubeClient } from '#kube/client.ts'
import type { KubeObject } from '#kube/object.ts'
import { memoryStore } from '#store/memory.ts'
import { backUp } from '../support/backup-run.ts'
import { cli, scratchFolder, type CliResult } from '../support/cli.ts'
import { ownCluster, sharedCluster, testNamespace } from '../support/cluster.ts'
import { customType, define } from '../support/custom-type.ts'
import { ConfigMaps, Deployments, Namespaces, Secrets, make } from '../support/objects.ts'
import { askForBackup, ended, installKinds, makeLocation, startServer } from '../support/server.ts'
import { bringBack, eventually } from './restore-order.ts'

async function giveRules(kube: KubeClient, namespace: string, text: string): Promise<void> {
  await make(kube, ConfigMaps, { name: 'rules', namespace, data: { 'rules.yaml': text } })
}

const resourceModifier = { kind: 'ConfigMap', name: 'rules' }

async function shop(kube: KubeClient, namespace: string): Promise<void> {
  const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image: 'old' }] } }
  await make(kube, Deployments, {
    name: 'web',
    namespace,
    metadata: { labels: { app: 'web' } },
    spec: { replicas: 0, selector: { matchLabels: { app: 'web' } }, template },
  })
  await make(kube, ConfigMaps, { name: 'prices', namespace, data: { apple: '1', pear: '2' } })
  await make(kube, Secrets, { name: 'login', namespace, stringData: { user: 'me' } })
}

test(
  'objects are changed by the rules that fit them on their way into another namespace',
  { timeout: 60_000 },
  async () => {
    await using cluster = await ownCluster()
    const { kube } = cluster
    const Trees = customType('trees')
    await define(kube, Trees)
    for (const name of ['home', 'shop']) await make(kube, Namespaces, { name })
    await shop(kube, 'shop')
    await make(kube, Trees, { name: 'quince', namespace: 'shop', spec: { height: 3 } })
    const store = memoryStore()
    await backUp({ kube, store, spec: { includedNamespaces: ['shop'] } })
    await giveRules(
      kube,
      'home',
      `
version: v1
resourceModifierRules:
- conditions: {groupResource: "*.apps", namespaces: [shop], resourceNameRegex: "^(?i)WEB$", labelSelector: {matchLabels: {app: web}}}
  strategicPatches:
  - patchData: |
      spec: {template: {spec: {containers: [{name: web, image: new}, {name: side, image: extra}]}}}
- conditions: {groupResource: deployments.apps, matches: [{path: /spec/replicas, value: "0"}]}
  patches:
  - {operation: test, path: /spec/template/spec/containers/1/name, value: side}
  - {operation: replace, path: /spec/replicas, value: "2"}
  - {operation: add, path: /metadata/annotations, value: '{"answer":"\\"42\\""}'}
- conditions: {groupResource: configmaps, resourceNameRegex: "^prices$"}
  mergePatches: [{patchData: "data: {apple: null, plum: '3', note: \\"a \\\\\\"quote\\\\\\"\\"}"}]
- conditions: {groupResource: secrets}
  patches:
  - {operation: test, path: /type, value: never}
  - {operation: remove, path: /data}
- conditions: {groupResource: "trees.*.*.*"}
  strategicPatches: [{patchData: "spec: {height: 4}"}]
- conditions: {groupResource: configmaps, namespaces: [copy]}
  patches: [{operation: remove, path: /metadata}]
`,
    )
    const { restore, results, resourceList } = await bringBack({
      kube,
      store,
      home: 'home',
      spec: { resourceModifier, namespaceMapping: { shop: 'copy' } },
    })

    const at = { namespace: 'copy' }
    const web = (await kube.get(Deployments, 'web', at)) as KubeObject & {
      spec: { replicas: number; template: { spec: { containers: { name: string; image: string }[] } } }
    }
    const { containers } = web.spec.template.spec
    assert.deepEqual(
      containers.map(({ name, image }) => `${name}=${image}`),
      ['web=new', 'side=extra'],
    )
    assert.equal(web.spec.replicas, 2)
    assert.equal(web.metadata.annotations?.['answer'], '"42"')
    const prices = await kube.get(ConfigMaps, 'prices', at)
    assert.deepEqual(prices['data'], { pear: '2', plum: '3', note: 'a "quote"' })
    assert.notEqual((await kube.get(Secrets, 'login', at))['data'], undefined)
    assert.deepEqual((await kube.get(Trees, 'quince', at))['spec'], { height: 3 })

    // The object that a rule could not change is restored all the same.
    assert.deepEqual(results.errors, {
      namespaces: {
        copy: [
          'trees.faults.lifeboat.test/shop/quince: resource modifier rule 5: trees.faults.lifeboat.test is a custom type, which has no strategic merge patches; use mergePatches or patches',
        ],
      },
    })
    assert.deepEqual(resourceList['faults.lifeboat.test/v1/Kindtrees'], ['copy/quince(created)'])
    assert.equal(restore.status?.phase, 'PartiallyFailed')
    assert.equal(restore.status?.errors, 1)
  },
)

test('an object gets another name; the second time it is found under it', async () => {
  const { kube } = await sharedCluster()
  await using namespace = await testNamespace(kube)
  await using home = await testNamespace(kube)
  const { name } = namespace
  const store = memoryStore()
  await make(kube, ConfigMaps, { name: 'old', namespace: name, data: { a: '1' } })
  const spec = { includedNamespaces: [name] }
  await backUp({ kube, store, spec })
  const patch = '{operation: replace, path: /metadata/name, value: new}'
  const conditions = '{groupResource: configmaps, resourceNameRegex: ^old$}'
  await giveRules(
    kube,
    home.name,
    `version: v1\nresourceModifierRules: [{conditions: ${conditions}, patches: [${patch}]}]`,
  )
  const order = { kube, store, home: home.name, spec: { ...spec, resourceModifier } }
  const first = await bringBack(order)
  assert.equal(first.restore.status?.phase, 'Completed')
  assert.deepEqual((await kube.get(ConfigMaps, 'new', { namespace: name }))['data'], { a: '1' })
  const second = await bringBack({ ...order, name: 'once-more' })
  assert.equal(second.restore.status?.phase, 'Completed')
  assert.equal(second.restore.status.warnings, undefined)
})

const broken = `version: v1\nresourceModifierRules:\n- {conditions: {groupResource: pods, resourceNameRegex: "("}, patches: [{operation: put, path: spec}]}`
const brokenProblems = [
  'conditions.resourceNameRegex: "(" is no regular expression: it has a ( without its )',
  'patches[0].operation: must be one of add, remove, replace, test, move, copy',
  'patches[0].path: "spec" is no path; write it as /spec/replicas',
]

test('broken rules, or none, are refused by the server before anything is restored', { timeout: 90_000 }, async () => {
  const { kube, kubeconfigPath } = await sharedCluster()
  await installKinds(kube)
  await using home = await testNamespace(kube)
  await using folder = await scratchFolder()
  const namespace = home.name
  await using _server = startServer({ kubeconfigPath, namespace, args: [] })
  await makeLocation(kube, namespace, { path: join(folder.path, 'store') })
  await make(kube, ConfigMaps, { name: 'lost', namespace, data: { a: '1' } })
  await askForBackup(kube, namespace, { name: 'b', spec: { includedNamespaces: [namespace] } })
  await ended(kube, Backups, { name: 'b', namespace })
  await kube.delete(ConfigMaps, 'lost', { namespace })
  await giveRules(kube, namespace, broken)
  await make(kube, ConfigMaps, { name: 'two', namespace, data: { a: '', b: '' } })

  const restored = async (name: string, reference: { kind: string; name: string }): Promise<Restore> => {
    const spec = { backupName: 'b', resourceModifier: reference }
    await make(kube, Restores, { name, namespace, spec })
    return await ended(kube, Restores, { name, namespace })
  }
  const place = `resource modifier ConfigMap ${namespace}`
  for (const [name, problems] of [
    ['rules', brokenProblems.map((problem) => `${place}/rules is not valid: resourceModifierRules[0].${problem}`)],
    ['gone', [`${place}/gone does not exist; make it, or name another one`]],
    ['two', [`${place}/two has 2 keys in data; it must have exactly one, with the rules as YAML`]],
  ] as const) {
    const { status } = await restored(`with-${name}`, { kind: 'configmap', name })
    assert.equal(status?.phase, 'FailedValidation')
    assert.deepEqual(status.validationErrors, problems)
    assert.equal(await kube.find(ConfigMaps, 'lost', { namespace }), undefined)
  }
  // As in Velero, a reference of another kind says nothing.
  const { status } = await restored('other-kind', { kind: 'secret', name: 'gone' })
  assert.equal(status?.phase, 'Completed', JSON.stringify(status))
  assert.notEqual(await kube.find(ConfigMaps, 'lost', { namespace }), undefined)
  // While their finalizers are on, the namespace cannot go.
  const { items } = await kube.list(Restores, { namespace })
  for (const { metadata } of items) await kube.delete(Restores, metadata.name, { namespace })
  await eventually(async () => (await kube.list(Restores, { namespace })).items.length === 0, 'restores gone')
})

test('the command line finds the rules in the cluster, and shows them', async () => {
  const { kube, kubeconfigPath } = await sharedCluster()
  await using namespace = await testNamespace(kube)
  await using home = await testNamespace(kube)
  await using store = await scratchFolder()
  const at = { namespace: namespace.name }
  const run = (...args: string[]): Promise<CliResult> =>
    cli([...args, '--namespace', home.name], { env: { KUBECONFIG: kubeconfigPath, LIFEBOAT_STORE: store.path } })
  await make(kube, ConfigMaps, { ...at, name: 'prices', data: { apple: '1' } })
  assert.equal((await run('backup', 'create', 'b1', '--include-namespaces', namespace.name)).code, 0)
  await kube.delete(ConfigMaps, 'prices', at)
  const restore = (name: string): Promise<CliResult> =>
    run('restore', 'create', name, '--from-backup', 'b1', '--resource-modifier-configmap', 'rules')

  await giveRules(kube, home.name, broken)
  const refused = await restore('r1')
  assert.equal(refused.code, 1)
  for (const problem of brokenProblems) assert.ok(refused.stderr.includes(problem), refused.stderr)
  assert.equal(await kube.find(ConfigMaps, 'prices', at), undefined)

  const patches = '[{operation: replace, path: /data/apple, value: "\\"2\\""}]'
  const good = `version: v1\nresourceModifierRules: [{conditions: {groupResource: configmaps, resourceNameRegex: prices}, patches: ${patches}}]`
  await kube.patch(ConfigMaps, 'rules', { merge: { data: { 'rules.yaml': good } } }, { namespace: home.name })
  const done = await restore('r1')
  assert.equal(done.code, 0, done.stderr)
  assert.deepEqual((await kube.get(ConfigMaps, 'prices', at))['data'], { apple: '2' })
  const described = await run('restore', 'describe', 'r1')
  assert.match(described.stdout, /^Resource modifier:\n {2}Type: +configmap\n {2}Name: +rules$/m)
})

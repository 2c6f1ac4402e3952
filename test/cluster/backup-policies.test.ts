import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import type { Backup, BackupSpec } from '#api/backup.ts'
import { readPolicies } from '#backup/policies.ts'
import type { KubeClient } from '#kube/client.ts'
import { loadKubeConfig } from '#kube/config.ts'
import { connect } from '#kube/connect.ts'
import { memoryStore } from '#store/memory.ts'
import { backUp, namesOf, readBackup } from '../support/backup-run.ts'
import { sharedCluster, testNamespace } from '../support/cluster.ts'
import { ConfigMaps, make, Secrets } from '../support/objects.ts'

let kube: KubeClient
before(async () => {
  ;({ kube } = await sharedCluster())
})

const policies = `
version: v1
volumePolicies:
- conditions: {capacity: ",10Gi"}
  action: {type: skip}
includeExcludePolicy:
  excludedNamespaceScopedResources: [secrets]
`

function naming(namespace: string, kind: string, spec: BackupSpec = {}): Backup {
  const resourcePolicy = { kind, name: 'policies' }
  const metadata = { name: 'nightly', namespace }
  return { apiVersion: 'velero.io/v1', kind: 'Backup', metadata, spec: { ...spec, resourcePolicy } }
}

test('the policies of a ConfigMap in the backup’s namespace are read, whatever the case of its kind', async () => {
  await using home = await testNamespace(kube)
  await make(kube, ConfigMaps, { namespace: home.name, name: 'policies', data: { 'any.yaml': policies } })
  for (const kind of ['configmap', 'ConfigMap']) {
    const found = await readPolicies(kube, naming(home.name, kind))
    assert.deepEqual(found.problems, [])
    assert.equal(found.policies?.volumePolicies.length, 1)
    assert.deepEqual(found.policies?.includeExclude?.excludedNamespaceScopedResources, ['secrets'])
  }
  assert.deepEqual(await readPolicies(kube, naming(home.name, 'secret')), { problems: [] })
})

test('a ConfigMap that is missing, has not exactly one key or cannot be understood is named with what is wrong', async () => {
  await using home = await testNamespace(kube)
  const place = `resource policy ConfigMap ${home.name}/policies`
  const problems = async (data?: Record<string, string>): Promise<string[]> => {
    if (data !== undefined) await make(kube, ConfigMaps, { namespace: home.name, name: 'policies', data })
    const found = await readPolicies(kube, naming(home.name, 'configmap'))
    await kube.delete(ConfigMaps, 'policies', { namespace: home.name })
    assert.equal(found.policies, undefined)
    return found.problems
  }
  assert.deepEqual(await problems(), [`${place} does not exist; make it, or name another one`])
  for (const [data, keys] of [
    [{}, 0],
    [{ a: policies, b: policies }, 2],
  ] as const) {
    assert.deepEqual(await problems(data), [
      `${place} has ${keys} keys in data; it must have exactly one, with the policies as YAML`,
    ])
  }
  assert.deepEqual(await problems({ a: 'version: v3\nvolumePolicies: 5' }), [
    `${place} is not valid: version: must be v1, not "v3"`,
    `${place} is not valid: volumePolicies: must be a list`,
  ])
})

test('a ConfigMap that may not be read is a problem of the backup, told in the server’s words', async () => {
  await using home = await testNamespace(kube)
  const { kubeconfigPath } = await sharedCluster()
  const config = await loadKubeConfig({ env: {}, home: '/', kubeconfig: kubeconfigPath })
  const nobody = connect({ ...config, user: { ...config.user, headers: { 'impersonate-user': ['nobody'] } } })
  const { problems } = await readPolicies(nobody, naming(home.name, 'configmap'))
  await nobody.close()
  assert.equal(problems.length, 1)
  assert.match(problems.join(), /^resource policy ConfigMap .*\/policies cannot be read: .*cannot get configmaps/)
})

test('filters in a policy do not go with old filters in the spec', async () => {
  await using home = await testNamespace(kube)
  await make(kube, ConfigMaps, { namespace: home.name, name: 'policies', data: { p: policies } })
  const { problems } = await readPolicies(kube, naming(home.name, 'configmap', { includedResources: ['pods'] }))
  assert.equal(problems.length, 1)
  assert.match(problems.join(), /includeExcludePolicy, which cannot be used together with include-resources/)
})

test('the filters of a policy decide about a backup, after those of its spec', async () => {
  await using shop = await testNamespace(kube)
  await make(kube, ConfigMaps, { namespace: shop.name, name: 'policies', data: { p: policies } })
  await make(kube, Secrets, { namespace: shop.name, name: 'login' })
  const found = await readPolicies(kube, naming(shop.name, 'configmap'))
  const secretsIn = async (spec: BackupSpec): Promise<string[]> => {
    const store = memoryStore()
    await backUp({ kube, store, spec: { ...spec, includedNamespaces: [shop.name] }, policies: found.policies })
    return namesOf(await readBackup(store), 'secrets')
  }
  assert.deepEqual(await secretsIn({}), [])
  assert.deepEqual(await secretsIn({ includedNamespaceScopedResources: ['secrets'] }), [`${shop.name}/login`])
})

test('a name in the filters to which no type answers is a warning', async () => {
  await using shop = await testNamespace(kube)
  const store = memoryStore()
  const lines: string[] = []
  const backup = await backUp({
    kube,
    store,
    spec: { includedNamespaces: [shop.name], excludedResources: ['no-such-things'] },
    onLog: (line) => lines.push(JSON.stringify(line)),
  })
  assert.equal(backup.status?.phase, 'Completed')
  assert.ok((backup.status?.warnings ?? 0) > 0)
  assert.ok(lines.some((line) => line.includes('warning') && line.includes('no-such-things')))
})

test('namespaces can be named by alternatives', async () => {
  await using one = await testNamespace(kube)
  await using other = await testNamespace(kube)
  await using third = await testNamespace(kube)
  for (const { name } of [one, other, third]) await make(kube, Secrets, { namespace: name, name: 'login' })
  const store = memoryStore()
  await backUp({
    kube,
    store,
    spec: { includedNamespaces: [`{${one.name},${other.name}}`], includedResources: ['secrets'] },
  })
  assert.deepEqual(namesOf(await readBackup(store), 'secrets'), [`${one.name}/login`, `${other.name}/login`].toSorted())
})

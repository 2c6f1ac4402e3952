import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { request } from 'node:https'
import { before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { allCrds, crdOf, CustomResourceDefinitions, type StructuralSchema } from '#api/crd.ts'
import type { Kind } from '#api/kind.ts'
import { allKinds } from '#api/kinds.ts'
import { readObject } from '#api/read.ts'
import type { KubeClient } from '#kube/client.ts'
import type { ClusterConfig } from '#kube/config.ts'
import { loadKubeConfig } from '#kube/config.ts'
import { KubeError } from '#kube/error.ts'
import { type KubeObject, apiVersionOf } from '#kube/object.ts'
import { sharedCluster, testNamespace } from '../support/cluster.ts'
import { sampleOf, type SampleOptions } from './api-sample.ts'

const { kube, kubeconfigPath } = await sharedCluster()

before(async () => {
  await applyCrds()
  for (const crd of allCrds()) await established(kube, crd.metadata.name)
})

async function applyCrds(): Promise<void> {
  for (const crd of allCrds()) {
    await kube.apply(CustomResourceDefinitions, crd, { fieldManager: 'lifeboat', force: true })
  }
}

async function established(client: KubeClient, name: string): Promise<void> {
  const deadline = Date.now() + 30_000
  while (Date.now() < deadline) {
    const { status } = await client.get(CustomResourceDefinitions, name)
    const condition = status?.conditions?.find(({ type }) => type === 'Established')
    if (condition?.status === 'True') return
    await sleep(100)
  }
  assert.fail(`${name} was not established in 30 s`)
}

function schemaOf(kind: Kind): StructuralSchema {
  const schema = crdOf(kind).spec.versions[0]?.schema.openAPIV3Schema
  assert.ok(schema)
  return schema
}

function sampleObject(kind: Kind, namespace: string, options?: SampleOptions): KubeObject {
  const { spec, status } = sampleOf(schemaOf(kind), options) as KubeObject
  const name = options?.nulls === true ? 'nulls' : 'full'
  return { apiVersion: apiVersionOf(kind), kind: kind.kind, metadata: { name, namespace }, spec, status }
}

function contentOf({ apiVersion, kind, metadata, spec, status }: KubeObject): object {
  const { labels, annotations } = metadata
  return { apiVersion, kind, labels, annotations, spec, status }
}

async function tableOf(config: ClusterConfig, path: string): Promise<{ columnDefinitions: Record<string, unknown>[] }> {
  const text = (pem: { data: string } | { file: string } | undefined): string | undefined =>
    pem && ('data' in pem ? pem.data : readFileSync(pem.file, 'utf8'))
  const { certificate } = config.user
  const options = {
    ca: text(config.ca),
    cert: text(certificate?.cert),
    key: text(certificate?.key),
    headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' },
  }
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const sent = request(config.server + path, options, (response) => {
    response
      .setEncoding('utf8')
      .toArray()
      .then((parts) => resolve(parts.join('')), reject)
  })
  sent.on('error', reject).end()
  return JSON.parse(await promise) as { columnDefinitions: Record<string, unknown>[] }
}

test('the server finds nothing wrong with any of the CRDs', async () => {
  for (const crd of allCrds()) {
    const { status } = await kube.get(CustomResourceDefinitions, crd.metadata.name)
    const conditions = status?.conditions ?? []
    const problems = conditions.filter(
      ({ type }) => type === 'NonStructuralSchema' || type === 'KubernetesAPIApprovalPolicyConformant',
    )
    assert.deepEqual(problems, [], crd.metadata.name)
    assert.equal(conditions.find(({ type }) => type === 'NamesAccepted')?.status, 'True', crd.metadata.name)
  }
})

test('applying the CRDs again changes nothing', async () => {
  const revisions = async (): Promise<unknown[]> =>
    Promise.all(
      allCrds().map(async (crd) => {
        const { uid, generation } = (await kube.get<KubeObject>(CustomResourceDefinitions, crd.metadata.name)).metadata
        return { uid, generation }
      }),
    )
  const first = await revisions()
  await applyCrds()
  assert.deepEqual(await revisions(), first)
})

test('discovery shows all kinds with their names, namespaced and without a status subresource', async () => {
  const { types } = await kube.discover()
  for (const kind of allKinds) {
    const served = types.find(({ group, plural }) => group === kind.group && plural === kind.plural)
    assert.ok(served, kind.plural)
    const { version, singular, shortNames, namespaced } = served
    assert.deepEqual(
      { version, kind: served.kind, singular, shortNames, namespaced },
      {
        version: kind.version,
        kind: kind.kind,
        singular: kind.kind.toLowerCase(),
        shortNames: kind.shortNames,
        namespaced: true,
      },
    )
  }
})

test('an object of each kind with every field set is stored whole and read as it was', async () => {
  await using namespace = await testNamespace(kube)
  for (const kind of allKinds) {
    const full = sampleObject(kind, namespace.name)
    await kube.create(kind, full)
    const stored = await kube.get(kind, 'full', { namespace: namespace.name })
    assert.deepEqual(contentOf(stored), contentOf(full), kind.kind)
    assert.deepEqual(readObject(kind, stored), stored, kind.kind)
  }
})

test('null is kept in every field where Velero may write it', async () => {
  await using namespace = await testNamespace(kube)
  for (const kind of allKinds) {
    const nulls = sampleObject(kind, namespace.name, { nulls: true })
    await kube.create(kind, nulls)
    const stored = await kube.get(kind, 'nulls', { namespace: namespace.name })
    assert.deepEqual(contentOf(stored), contentOf(nulls), kind.kind)
    assert.deepEqual(readObject(kind, stored), stored, kind.kind)
  }
})

test('status is written through the object itself', async () => {
  await using namespace = await testNamespace(kube)
  for (const kind of allKinds) {
    const full = sampleObject(kind, namespace.name)
    await kube.create(kind, { ...full, status: {} })
    const patch = { merge: { status: full['status'] } }
    const patched = await kube.patch(kind, 'full', patch, { namespace: namespace.name })
    assert.deepEqual(contentOf(patched), contentOf(full), kind.kind)
    await assert.rejects(
      kube.patch(kind, 'full', patch, { namespace: namespace.name, subresource: 'status' }),
      (error) => error instanceof KubeError && error.problem === 'not-found',
    )
  }
})

test('a phase that does not exist is refused, and the message names it', async () => {
  await using namespace = await testNamespace(kube)
  for (const kind of allKinds) {
    const odd = { ...sampleObject(kind, namespace.name), status: { phase: 'Nonsense' } }
    await assert.rejects(
      kube.create(kind, odd, { dryRun: true }),
      (error) =>
        error instanceof KubeError &&
        error.problem === 'invalid' &&
        error.causes.some(({ field }) => field === 'status.phase'),
      kind.kind,
    )
  }
})

test('an object that lacks a required field is refused', async () => {
  await using namespace = await testNamespace(kube)
  const demanding = allKinds.filter((kind) => (schemaOf(kind).properties?.['spec']?.required ?? []).length > 0)
  assert.equal(demanding.length, 10)
  for (const kind of demanding) {
    const required = schemaOf(kind).properties?.['spec']?.required ?? []
    const bare = { ...sampleObject(kind, namespace.name), spec: {} }
    await assert.rejects(kube.create(kind, bare, { dryRun: true }), (error) => {
      assert.ok(error instanceof KubeError)
      assert.equal(error.problem, 'invalid')
      const missing = error.causes.map(({ field }) => field?.replace('spec.', ''))
      assert.deepEqual(missing.toSorted(), required.toSorted(), kind.kind)
      return true
    })
  }
})

test('the server prunes unknown fields and fills in the name of a Secret, as with the CRDs of Velero', async () => {
  await using namespace = await testNamespace(kube)
  const location = {
    apiVersion: 'velero.io/v1',
    kind: 'BackupStorageLocation',
    metadata: { name: 'a', namespace: namespace.name },
    spec: { provider: 'aws', unknown: 1, objectStorage: { bucket: 'b', unknown: 1 }, credential: { key: 'k' } },
  }
  const kind = allKinds.find((candidate) => candidate.kind === location.kind)
  assert.ok(kind)
  const stored = await kube.create<KubeObject>(kind, location)
  assert.deepEqual(stored['spec'], {
    provider: 'aws',
    objectStorage: { bucket: 'b' },
    credential: { key: 'k', name: '' },
  })
})

test('kubectl get shows the columns that it shows with Velero', async () => {
  await using namespace = await testNamespace(kube)
  const config = await loadKubeConfig({ env: {}, home: '/', kubeconfig: kubeconfigPath })
  for (const kind of allKinds) {
    const path = `/apis/${apiVersionOf(kind)}/namespaces/${namespace.name}/${kind.plural}`
    const { columnDefinitions } = await tableOf(config, path)
    const shown = columnDefinitions.map(({ name, type, priority }) => `${name} ${type} ${priority}`)
    const wanted = kind.columns.map(({ name, type, priority = 0 }) => `${name} ${type} ${priority}`)
    // A CRD without columns of its own gets the server's.
    assert.deepEqual(shown, ['Name string 0', ...(wanted.length > 0 ? wanted : ['Age date 0'])], kind.kind)
  }
})

test('custom objects that Velero made are accepted unchanged', async () => {
  await using namespace = await testNamespace(kube)
  const golden = new URL('../compat/golden/scenarios/', import.meta.url)
  const patterns = ['*/{backup,restore,schedule}.json', '*/crs/*.json', '*/bucket/backups/*/velero-backup.json']
  const files = globSync(patterns, { cwd: golden })
  assert.ok(files.length > 50, `${files.length} files`)
  for (const file of files) {
    const content = JSON.parse(readFileSync(new URL(file, golden), 'utf8')) as KubeObject & { items?: KubeObject[] }
    for (const made of content.items ?? [content]) {
      const kind = allKinds.find((candidate) => candidate.kind === made.kind)
      assert.ok(kind, `${file}: ${made.kind}`)
      const { name, labels, annotations } = made.metadata
      const object = { ...made, metadata: { name, labels, annotations, namespace: namespace.name } }
      const accepted = await kube.create(kind, object, { dryRun: true })
      assert.deepEqual(contentOf(accepted), contentOf(made), file)
    }
  }
})

// One restore, killed at every stage of its life; the next server ends it as if nothing had happened.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { BackupStorageLocations } from '#api/backup-storage-location.ts'
import { Backups } from '#api/backup.ts'
import { annotationKeys } from '#api/labels.ts'
import { Restores } from '#api/restore.ts'
import { decodeResourceList, type ResourceList } from '#archive/resource-list.ts'
import { decodeResults } from '#archive/results.ts'
import { without } from '#items/json.ts'
import type { KubeObject, ResourceType } from '#kube/object.ts'
import { resourceName } from '#kube/object.ts'
import { Leases } from '#runtime/lease-step.ts'
import { restoreKey, type RestoreArtifact } from '#store/layout.ts'
import { openStore } from '#store/open.ts'
import { scratchFolder } from '../support/cli.ts'
import { ownCluster } from '../support/cluster.ts'
import { customType, define, undefine } from '../support/custom-type.ts'
import * as types from '../support/objects.ts'
import { s3Server } from '../support/s3-server.ts'
import { askForBackup, askForRestore, ended, eventually, installKinds, startServer } from '../support/server.ts'
import { apiTollgate, tollgate, type Passage } from '../support/tollgate.ts'

const { make } = types
const stack = new AsyncDisposableStack()
const cluster = stack.use(await ownCluster())
const folder = stack.use(await scratchFolder())
const bucket = stack.use(await s3Server('versitygw'))
after(() => stack.disposeAsync())
const { kube } = cluster

/** A moment at which the server dies: at the `nth` request that fits, before it reaches its goal or when it was done but nobody knows. */
interface Death {
  readonly what: string
  readonly moment: Passage['moment']
  readonly method: string
  readonly path: RegExp
  readonly nth: number
}

const die = (moment: Passage['moment'], method: string, path: string | RegExp, nth = 1): Death => ({
  what: `${moment === 'arrived' ? 'before' : 'after'} ${method} ${typeof path === 'string' ? path : path.source}${nth === 1 ? '' : `, the ${nth}th`}`,
  moment,
  method,
  path: typeof path === 'string' ? new RegExp(`/${path}(\\?|$)`) : path,
  nth,
})

const deaths: readonly Death[] = [
  die('arrived', 'PATCH', /\/restores\/r\d+/),
  die('answered', 'PATCH', /\/restores\/r\d+/),
  die('arrived', 'GET', /monday\.tar\.gz/),
  die('answered', 'GET', /monday-manifest/),
  die('arrived', 'GET', 'apis'),
  die('arrived', 'GET', 'api/v1/namespaces'),
  die('answered', 'POST', 'customresourcedefinitions'),
  die('answered', 'POST', 'api/v1/namespaces'),
  die('answered', 'POST', 'clusterroles'),
  die('answered', 'PATCH', /clusterroles\/drifted/),
  die('answered', 'PATCH', /serviceaccounts\/default/),
  die('answered', 'POST', 'secrets'),
  die('arrived', 'POST', 'configmaps'),
  die('answered', 'POST', 'configmaps', 80),
  die('arrived', 'PATCH', /configmaps\/shared/),
  die('answered', 'POST', 'pods'),
  die('answered', 'POST', 'kites'),
  die('arrived', 'PUT', /kites\/red\/status/),
  die('answered', 'POST', 'services'),
  die('arrived', 'PUT', /restores\/.*-logs\.gz/),
  die('answered', 'PUT', /restores\/.*-volumeinfo/),
  die('arrived', 'PUT', /restores\/.*lifeboat-restore\.json/),
  die('answered', 'PUT', /restores\/.*lifeboat-restore\.json/),
]

/** What the guards at both proxies look out for, and what happens then. */
let armed: (Death & { left: number; kill: () => Promise<unknown>; done: () => void }) | undefined

async function guard({ moment, method, path }: Passage): Promise<boolean> {
  if (armed?.left === 0) return false
  if (armed === undefined || moment !== armed.moment || method !== armed.method || !armed.path.test(path)) return true
  armed.left -= 1
  if (armed.left > 0) return true
  await armed.kill()
  armed.done()
  return false
}

const Kites = customType('kites')
const Services: ResourceType = { ...types.ConfigMaps, plural: 'services', kind: 'Service' }
const Policies: ResourceType = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  plural: 'validatingadmissionpolicies',
  kind: 'ValidatingAdmissionPolicy',
  namespaced: false,
}
const PolicyBindings = {
  ...Policies,
  plural: 'validatingadmissionpolicybindings',
  kind: 'ValidatingAdmissionPolicyBinding',
}
const rule = (verb: string): object => ({ rules: [{ apiGroups: [''], resources: ['pods'], verbs: [verb] }] })

/** A namespace with a bit of everything that a restore does something special for. */
async function furnish(): Promise<void> {
  const namespace = 'shop'
  await kube.create(types.Namespaces, types.object(types.Namespaces, namespace))
  await eventually(async () => await kube.find(types.ServiceAccounts, 'default', { namespace }))
  const imagePullSecrets = [{ name: 'pull' }]
  await kube.patch(types.ServiceAccounts, 'default', { merge: { imagePullSecrets } }, { namespace })
  const subresources = { status: {} }
  const openAPIV3Schema = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true }
  await define(kube, Kites, {
    versions: [{ name: 'v1', served: true, storage: true, subresources, schema: { openAPIV3Schema } }],
  })
  const kite = await make(kube, Kites, { name: 'red', namespace, spec: { tail: 3 } })
  await kube.replace(Kites, { ...kite, status: { flies: true } }, { namespace, subresource: 'status' })
  for (const name of ['own', 'drifted']) await make(kube, types.ClusterRoles, { name, ...rule('get') })
  await make(kube, types.Secrets, { name: 'pull', namespace, stringData: { user: 'admin' } })
  for (let at = 0; at < 100; at += 1)
    await make(kube, types.ConfigMaps, { name: `c${at}`, namespace, data: { at: `${at}` } })
  await make(kube, types.ConfigMaps, { name: 'refused', namespace })
  const shared = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'shared', namespace }, data: { a: '1' } }
  await kube.apply(types.ConfigMaps, shared, { namespace, fieldManager: 'captain' })
  await kube.patch(types.ConfigMaps, 'shared', { merge: { data: { b: '2' } } }, { namespace, fieldManager: 'mate' })
  const spec = { containers: [{ name: 'main', image: 'busybox' }] }
  await make(kube, types.Pods, { name: 'lonely', namespace, spec })
  await make(kube, Services, { name: 'web', namespace, spec: { clusterIP: 'None', ports: [{ port: 80 }] } })
}

/** From now on nobody can make a ConfigMap called `refused`: one error in each restore. */
async function refuseOne(): Promise<void> {
  const resourceRules = [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['configmaps'] }]
  const validations = [{ expression: "object.metadata.name != 'refused'", message: 'not this one' }]
  await make(kube, Policies, { name: 'refusal', spec: { matchConstraints: { resourceRules }, validations } })
  await make(kube, PolicyBindings, { name: 'refusal', spec: { policyName: 'refusal', validationActions: ['Deny'] } })
  const probe = types.object(types.ConfigMaps, 'refused')
  await eventually(() =>
    kube.create(types.ConfigMaps, probe, { namespace: 'default', dryRun: true }).then(
      () => undefined,
      () => true,
    ),
  )
}

before(async () => {
  await installKinds(kube)
  await furnish()
})

/** The cluster before each restore: what the backup holds is gone, but for one that has changed. */
async function lose(): Promise<void> {
  await kube.delete(types.ClusterRoles, 'own')
  await kube.delete(types.ClusterRoles, 'drifted')
  await make(kube, types.ClusterRoles, { name: 'drifted', ...rule('list') })
  await undefine(kube, Kites)
}

const compared = [types.ServiceAccounts, types.Secrets, types.ConfigMaps, types.Pods, Kites, Services]

/** The same object whenever and by whichever restore it was made. */
function lasting({ metadata, status, ...rest }: KubeObject, target: string): unknown {
  const kept = without(metadata, ['uid', 'resourceVersion', 'creationTimestamp', 'managedFields'])
  const managers = (metadata.managedFields as { manager: string; operation: string }[] | undefined)?.map(
    ({ manager, operation }) => `${manager} ${operation}`,
  )
  const object = { metadata: { ...kept, managers: managers?.toSorted() }, ...rest, flies: status }
  return JSON.parse(
    JSON.stringify(object)
      .replaceAll(target, 'TARGET')
      .replaceAll(/"r\d+"/g, '"RESTORE"'),
  )
}

async function stateOf(target: string): Promise<Record<string, unknown>> {
  const state: Record<string, unknown> = {}
  for (const type of compared) {
    for await (const { items } of kube.pages(type, { namespace: target })) {
      for (const item of items) state[`${resourceName(type)} ${item.metadata.name}`] = lasting(item, target)
    }
  }
  for (const name of ['own', 'drifted']) state[name] = lasting(await kube.get(types.ClusterRoles, name), target)
  // The certificates of the API server come into each namespace by themselves, at their own time.
  delete state['configmaps kube-root-ca.crt']
  return state
}

/** Everything that a restore leaves behind, without what is different each time. */
async function remains(name: string, target: string): Promise<unknown> {
  const store = await openStore(bucket.url.replace('/prefix?', '?'), { env: bucket.env })
  await using _store = { [Symbol.asyncDispose]: () => store.close() }
  const stored = (artifact: RestoreArtifact) => store.get(restoreKey(name, artifact))
  const { status, metadata } = await kube.get(Restores, name, { namespace: 'velero' })
  const { phase, warnings, errors, progress, failureReason } = status ?? {}
  const list: ResourceList = await decodeResourceList(await stored('resource-list'))
  list['v1/ConfigMap'] = (list['v1/ConfigMap'] ?? []).filter((line) => !line.includes('kube-root-ca.crt'))
  const results = await decodeResults(await stored('results'))
  const keys = await Array.fromAsync(store.list(`restores/${name}/`), ({ key }) => key.replaceAll(name, 'RESTORE'))
  const same = JSON.parse(JSON.stringify({ list, results }).replaceAll(target, 'TARGET')) as object
  const waits = metadata.annotations?.[annotationKeys.waits]
  return { phase, warnings, errors, progress, failureReason, waits, keys, ...same, state: await stateOf(target) }
}

async function location(endpoint: string): Promise<void> {
  const { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret } = bucket.env
  const cloud = `[default]\naws_access_key_id=${id}\naws_secret_access_key=${secret}\n`
  await kube.create(types.Namespaces, types.object(types.Namespaces, 'velero'))
  await make(kube, types.Secrets, { name: 'keys', namespace: 'velero', stringData: { cloud } })
  await make(kube, BackupStorageLocations as ResourceType, {
    name: 'default',
    namespace: 'velero',
    spec: {
      provider: 'aws',
      objectStorage: { bucket: bucket.bucket },
      config: { region: bucket.region, s3Url: endpoint, s3ForcePathStyle: 'true' },
      credential: { name: 'keys', key: 'cloud' },
    },
  })
}

test(`a restore that is killed at any of ${deaths.length} moments ends as one that was left alone`, async (context) => {
  await using api = await apiTollgate(cluster.kubeconfigPath, folder.path, guard)
  await using store = await tollgate(bucket.endpoint, guard)
  await location(store.url)
  const start = () =>
    startServer({ kubeconfigPath: api.kubeconfigPath, namespace: 'velero', args: ['--log-level', 'debug'] })
  let server = start()
  stack.defer(async () => void (await server.end('SIGKILL')))
  const spec = { includedNamespaces: ['shop'], includeClusterResources: true }
  await askForBackup(kube, 'velero', { name: 'monday', spec })
  assert.equal(
    (await ended(kube, Backups, { name: 'monday', namespace: 'velero', seconds: 60 })).status?.phase,
    'Completed',
  )
  await refuseOne()

  let number = 0
  const restore = async (death: Death | undefined): Promise<unknown> => {
    number += 1
    const [name, target] = [`r${number}`, `target-${number}`]
    await lose()
    // What the restore makes is told from what was there by times, which the API server keeps in whole seconds.
    await sleep(1100)
    const killed = Promise.withResolvers<void>()
    const kill = (): Promise<unknown> => server.end('SIGKILL')
    armed = death && { ...death, left: death.nth, kill, done: () => killed.resolve() }
    const spec = {
      backupName: 'monday',
      namespaceMapping: { shop: target },
      includeClusterResources: true,
      includedResources: [...compared, types.ClusterRoles, types.Definitions, types.Namespaces].map(resourceName),
      existingResourcePolicy: 'update',
      restoreStatus: { includedResources: ['kites.faults.lifeboat.test'] },
      labelSelector: { matchExpressions: [{ key: 'kubernetes.io/bootstrapping', operator: 'DoesNotExist' as const }] },
    }
    await askForRestore(kube, 'velero', { name, spec })
    if (death !== undefined) {
      await Promise.race([
        killed.promise,
        sleep(60_000).then(() => assert.fail(`there never was a moment ${death.what}`)),
      ])
      armed = undefined
      // Its successor need not wait for what nobody renews any more.
      await kube.delete(Leases, 'lifeboat-server', { namespace: 'velero' })
      server = start()
    }
    await ended(kube, Restores, { name, namespace: 'velero', seconds: 60 })
    const result = await remains(name, target)
    await kube.delete(types.Namespaces, target)
    return result
  }
  const undisturbed = (await restore(undefined)) as { phase: string; warnings: number; errors: number }
  assert.deepEqual([undisturbed.phase, undisturbed.errors], ['PartiallyFailed', 1], JSON.stringify(undisturbed))
  assert.deepEqual(await restore(undefined), undisturbed)
  for (const death of deaths) {
    await context.test(death.what, async () => assert.deepEqual(await restore(death), undisturbed))
  }
})

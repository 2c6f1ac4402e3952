import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { KubeClient } from '#kube/client.ts'
import { loadKubeConfig } from '#kube/config.ts'
import { connect } from '#kube/connect.ts'
import type { ResourceType } from '#kube/object.ts'
import type { Sandbox } from '#sandbox/sandbox.ts'
import { testSandbox } from './test-sandbox.ts'

const Namespaces: ResourceType = core('namespaces', 'Namespace', false)
const ServiceAccounts: ResourceType = core('serviceaccounts', 'ServiceAccount', true)
const ConfigMaps: ResourceType = core('configmaps', 'ConfigMap', true)

/** A real API server for tests, with the administrator's rights. */
export interface TestCluster {
  kube: KubeClient
  kubeconfigPath: string
}

/**
 * The cluster that all files of a test run share (test/support/global-setup.ts), two at a time. Leave nothing behind that another file would see,
 * ask about your own namespaces only, and take no type away: a backup that another file makes would miss it. For all else there is `ownCluster`.
 */
export async function sharedCluster(): Promise<TestCluster> {
  const kubeconfigPath = process.env['LIFEBOAT_TEST_KUBECONFIG']
  if (!kubeconfigPath) {
    throw new Error('no cluster: run this file with --test-global-setup=test/support/global-setup.ts')
  }
  return { kubeconfigPath, kube: await connectTo(kubeconfigPath) }
}

/** A whole cluster for one test; it ends with the scope, or with the process. */
export async function ownCluster(): Promise<TestCluster & AsyncDisposable & { sandbox: Sandbox }> {
  const sandbox = await testSandbox()
  const kube = await connectTo(sandbox.kubeconfigPath)
  return {
    kube,
    kubeconfigPath: sandbox.kubeconfigPath,
    sandbox,
    [Symbol.asyncDispose]: async () => {
      await kube.close()
      await sandbox[Symbol.asyncDispose]()
    },
  }
}

/** A new namespace, complete with what the controllers put into each; it is deleted, but not waited for, at the end of the scope. */
export async function testNamespace(kube: KubeClient): Promise<AsyncDisposable & { name: string }> {
  const name = `test-${randomBytes(5).toString('hex')}`
  await kube.create(Namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
  await untilComplete(kube, name)
  return {
    name,
    [Symbol.asyncDispose]: async () => {
      await kube.delete(Namespaces, name)
    },
  }
}

/** Waits until the controllers have filled the namespace, so that a backup of it is the same every time. */
async function untilComplete(kube: KubeClient, namespace: string): Promise<void> {
  const deadline = performance.now() + 30_000
  for (;;) {
    const [account, authority] = await Promise.all([
      kube.find(ServiceAccounts, 'default', { namespace }),
      kube.find(ConfigMaps, 'kube-root-ca.crt', { namespace }),
    ])
    if (account !== undefined && authority !== undefined) return
    if (performance.now() > deadline) throw new Error(`namespace ${namespace} got no default ServiceAccount in 30 s`)
    await sleep(20)
  }
}

/** A client with the rights of the kubeconfig's user. */
export async function connectTo(kubeconfigPath: string): Promise<KubeClient> {
  return connect(await loadKubeConfig({ env: {}, home: '/', kubeconfig: kubeconfigPath }))
}

function core(plural: string, kind: string, namespaced: boolean): ResourceType {
  return { group: '', version: 'v1', plural, kind, namespaced }
}

import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { Exec, KubeConfig, Log, type V1Status } from '@kubernetes/client-node'
import type { KubeClient } from '#kube/client.ts'
import { ensureControlPlane, ensureNode } from '#sandbox/assets.ts'
import { requireNodeRights } from '#sandbox/node.ts'
import { openNode, type SandboxNode } from '#sandbox/sandbox-node.ts'
import { readState } from '#sandbox/sandbox-state.ts'
import { sandboxUp, type Sandbox } from '#sandbox/sandbox.ts'
import { connectTo, type TestCluster } from './cluster.ts'
import { openStorage, type CsiStorage } from './csi/storage.ts'
import { make, Pods } from './objects.ts'
import { plainProgress } from './plain-progress.ts'
import { eventually } from './server.ts'

/** A real API server with a node: pods run, volumes are provisioned. */
export interface NodeCluster extends TestCluster {
  node: SandboxNode
  storage: CsiStorage
  stateDir: string
}

/**
 * The cluster with a node that all files in test/node share, two at a time (test/support/global-setup.ts). The rules of `sharedCluster` hold:
 * leave nothing behind that another file would see, and ask about your own namespaces only.
 */
export async function nodeSandbox(): Promise<NodeCluster> {
  requireNodeRights()
  const stateDir = process.env['LIFEBOAT_TEST_NODE']
  if (!stateDir) throw new Error('no node: run this file with --test-global-setup=test/support/global-setup.ts')
  const state = await readState(stateDir)
  const node = state && openNode(state, stateDir)
  if (state === undefined || node === undefined) throw new Error(`there is no sandbox with a node in ${stateDir}`)
  const kube = await connectTo(state.kubeconfigPath)
  return { kubeconfigPath: state.kubeconfigPath, kube, node, stateDir, storage: await openStorage(kube, stateDir) }
}

/** A sandbox with a node in a temporary folder; it ends when disposed, or with this process, however that ends. Needs root. */
export async function startNodeSandbox(): Promise<Sandbox & { node: SandboxNode }> {
  const options = { env: process.env, progress: plainProgress() }
  const [assets, node] = [await ensureControlPlane(options), await ensureNode(options)]
  await allowManyWatchers()
  const home = await mkdtemp(join(tmpdir(), 'lifeboat-test-'))
  const end = () => rm(home, { recursive: true, force: true, maxRetries: 3 })
  try {
    const name = `test-${randomBytes(4).toString('hex')}`
    const sandbox = await sandboxUp({ name, home, assets, node, owned: true })
    if (sandbox.node === undefined) throw new Error('the sandbox has no node')
    return {
      ...sandbox,
      node: sandbox.node,
      [Symbol.asyncDispose]: async () => {
        await sandbox[Symbol.asyncDispose]()
        await end()
      },
    }
  } catch (error) {
    await end()
    throw error
  }
}

/** Kubernetes' programs watch files, a node some twenty times; the kernel's usual limit is 128 for all processes of a user. */
async function allowManyWatchers(): Promise<void> {
  const limit = '/proc/sys/fs/inotify/max_user_instances'
  if (Number(await readFile(limit, 'utf8')) < 1024) await writeFile(limit, '1024')
}

/** What a pod of a test runs: one container called `main` of the busybox image. */
export interface PodWish {
  namespace: string
  name: string
  /** For `sh -c`; default: sleep. */
  script?: string
  labels?: Record<string, string>
  annotations?: Record<string, string>
  /** Path in the container → claim. */
  claims?: Record<string, string>
}

/** Creates a pod and waits until its container runs. */
export async function startPod(kube: KubeClient, wish: PodWish): Promise<void> {
  const { namespace, name, labels = {}, annotations = {}, claims = {} } = wish
  const volumes = Object.values(claims).map((claimName) => ({ name: claimName, persistentVolumeClaim: { claimName } }))
  const containers = [mainContainer(wish.script ?? 'sleep 100000', claims)]
  const spec = { terminationGracePeriodSeconds: 0, containers, volumes }
  await make(kube, Pods, { name, namespace, metadata: { labels, annotations }, spec })
  await podReaches(kube, { namespace, name, phase: 'Running' })
}

/** A container called `main` of the busybox image; `mounts`: path in it → volume of the pod. */
export function mainContainer(script: string, mounts: Readonly<Record<string, string>> = {}): object {
  return {
    name: 'main',
    image: 'busybox:1.36',
    imagePullPolicy: 'IfNotPresent',
    command: ['sh', '-c', script],
    volumeMounts: Object.entries(mounts).map(([mountPath, name]) => ({ name, mountPath })),
  }
}

/** Waits until a pod has the phase; rejects when it ends in another one. */
export async function podReaches(
  kube: KubeClient,
  { namespace, name, phase }: { namespace: string; name: string; phase: string },
): Promise<void> {
  await eventually(async () => {
    const pod = (await kube.get(Pods, name, { namespace })) as { status?: { phase?: string } }
    if (pod.status?.phase !== phase && ['Failed', 'Succeeded'].includes(pod.status?.phase ?? '')) {
      throw new Error(`pod ${name} is ${pod.status?.phase}`)
    }
    return pod.status?.phase === phase || undefined
  }, 120)
}

/** What a container has written so far. */
export async function logOf(
  cluster: TestCluster,
  { namespace, name }: { namespace: string; name: string },
): Promise<string> {
  const output = new PassThrough()
  const reading = text(output)
  await new Log(configOf(cluster)).log(namespace, name, 'main', output, { follow: false })
  return reading
}

/** Runs `command` in the container `main` of a pod, by a client that is not ours; rejects unless it ends well. */
export async function inPod(
  cluster: TestCluster,
  { namespace, name }: { namespace: string; name: string },
  command: string[],
): Promise<string> {
  const [output, errors] = [new PassThrough(), new PassThrough()]
  const reading = Promise.all([text(output), text(errors)])
  const ended = Promise.withResolvers<V1Status>()
  const exec = new Exec(configOf(cluster))
  await exec.exec(namespace, name, 'main', command, output, errors, null, false, ended.resolve)
  const status = await ended.promise
  output.end()
  errors.end()
  const [written, complaints] = await reading
  if (status.status !== 'Success') throw new Error(`${command.join(' ')}: ${status.message} ${complaints}`)
  return written
}

function configOf({ kubeconfigPath }: TestCluster): KubeConfig {
  const config = new KubeConfig()
  config.loadFromFile(kubeconfigPath)
  return config
}

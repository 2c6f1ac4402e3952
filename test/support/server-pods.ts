import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { KubeClient } from '#kube/client.ts'
import type { KubeObject } from '#kube/object.ts'
import { startCli, type RunningCli } from './cli.ts'
import { Pods, Secrets } from './objects.ts'

/** Where the processes of pods run, and what they have besides what their pods say. */
export interface ServerPodsOptions {
  readonly kube: KubeClient
  readonly kubeconfigPath: string
  /** For the files of mounted Secrets. */
  readonly folder: string
  /** As from a role of the pod's account: credentials, the address of a store. */
  readonly env?: Readonly<Record<string, string>>
}

interface Container {
  name: string
  args?: string[]
  env?: { name: string; value?: string; valueFrom?: { fieldRef?: { fieldPath: string } } }[]
  volumeMounts?: { name: string; mountPath: string }[]
}

interface PodSpec {
  containers: Container[]
  volumes?: { name: string; secret?: { secretName: string } }[]
}

/**
 * Does for the pods of a server what their node would, as long as the scope lasts: runs the container `lifeboat` as a process of this machine, with the
 * pod's arguments, variables and Secrets, says that the pod is ready, and ends the process when the pod goes. Pods of Velero's server only become ready.
 */
export function runServerPods(options: ServerPodsOptions): AsyncDisposable {
  const running = new Map<string, AsyncDisposable | undefined>()
  const end = new AbortController()
  const round = async (): Promise<void> => {
    const { items } = await options.kube.list(Pods, { labelSelector: 'deploy=velero' })
    for (const pod of items) {
      const { uid = '' } = pod.metadata
      if (running.has(uid)) continue
      running.set(uid, await startPod(pod, options))
      await markReady(pod, options.kube)
    }
    const there = new Set(items.map(({ metadata }) => metadata.uid))
    for (const [uid, started] of running) {
      if (there.has(uid)) continue
      running.delete(uid)
      await started?.[Symbol.asyncDispose]()
    }
  }
  const rounds = (async () => {
    while (!end.signal.aborted) {
      await round()
      await sleep(200)
    }
  })()
  // It is awaited at the end; until then a failure must not end the process.
  rounds.catch(() => undefined)
  return {
    [Symbol.asyncDispose]: async () => {
      end.abort()
      try {
        await rounds
      } finally {
        for (const started of running.values()) await started?.[Symbol.asyncDispose]()
      }
    },
  }
}

async function startPod(pod: KubeObject, options: ServerPodsOptions): Promise<AsyncDisposable | undefined> {
  const { containers, volumes = [] } = pod['spec'] as PodSpec
  const ours = containers.find(({ name }) => name === 'lifeboat')
  if (ours === undefined) return undefined
  const { namespace = '' } = pod.metadata
  const folder = join(options.folder, `pod-${pod.metadata.uid}`)
  const mounts = await mountSecrets(ours, { kube: options.kube, namespace, volumes, folder })
  return await startContainer(ours, { ...options, namespace, mounts })
}

/** Folders of this machine, by the paths in the container at which they are mounted. */
type Mounts = ReadonlyMap<string, string>

async function mountSecrets(
  { volumeMounts = [] }: Container,
  {
    kube,
    namespace,
    volumes,
    folder,
  }: { kube: KubeClient; namespace: string; folder: string } & Required<Pick<PodSpec, 'volumes'>>,
): Promise<Mounts> {
  const mounts = new Map<string, string>()
  for (const { name, mountPath } of volumeMounts) {
    const path = join(folder, mountPath)
    await mkdir(path, { recursive: true })
    mounts.set(mountPath, path)
    const secretName = volumes.find((volume) => volume.name === name)?.secret?.secretName
    if (secretName === undefined) continue
    const { data } = (await kube.get(Secrets, secretName, { namespace })) as unknown as { data: Record<string, string> }
    for (const [key, value] of Object.entries(data)) await writeFile(join(path, key), Buffer.from(value, 'base64'))
  }
  return mounts
}

async function startContainer(
  { args = [], env = [] }: Container,
  { kubeconfigPath, namespace, mounts, env: given }: ServerPodsOptions & { namespace: string; mounts: Mounts },
): Promise<AsyncDisposable> {
  const here = (value: string): string => {
    const mount = [...mounts].find(([path]) => value.startsWith(path))
    return mount === undefined ? value : value.replace(...mount)
  }
  const variables = env.map(({ name, value = '', valueFrom }) => [
    name,
    valueFrom?.fieldRef?.fieldPath === 'metadata.namespace' ? namespace : here(value),
  ])
  const where = ['--kubeconfig', kubeconfigPath, '--metrics-address', '127.0.0.1:0']
  const running: RunningCli = startCli([...args, ...where], { env: { ...given, ...Object.fromEntries(variables) } })
  return {
    [Symbol.asyncDispose]: async () => {
      running.child.kill('SIGTERM')
      await running.ended
    },
  }
}

async function markReady({ metadata: { name, namespace } }: KubeObject, kube: KubeClient): Promise<void> {
  const status = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] }
  await kube.patch(Pods, name, { merge: { status } }, { namespace, subresource: 'status' })
}

import { setTimeout as sleep } from 'node:timers/promises'
import { Backups, type Backup, type BackupSpec } from '#api/backup.ts'
import { BackupStorageLocations, type BackupStorageLocation } from '#api/backup-storage-location.ts'
import { allCrds, CustomResourceDefinitions } from '#api/crd.ts'
import { installedKinds } from '#api/kinds.ts'
import { hasEnded } from '#api/phases.ts'
import { Restores, type Restore, type RestoreSpec } from '#api/restore.ts'
import type { KubeClient } from '#kube/client.ts'
import { apiVersionOf, resourceName, type KubeObject, type ResourceType } from '#kube/object.ts'
import { Leases } from '#runtime/lease-step.ts'
import { startCli, type RunningCli } from './cli.ts'

/** Installs our kinds, as often as one likes, and waits until they are served. */
export async function installKinds(kube: KubeClient): Promise<void> {
  for (const crd of allCrds()) {
    await kube.apply(CustomResourceDefinitions, crd, { fieldManager: 'lifeboat-test', force: true })
  }
  await eventually(async () => {
    const served = new Set((await kube.discover()).types.map((type) => resourceName(type)))
    return installedKinds.every((kind) => served.has(resourceName(kind))) || undefined
  })
}

/** Asks until there is an answer. Rejects after `seconds`, with the last error if there was one. */
export async function eventually<T>(ask: () => Promise<T | undefined>, seconds = 30): Promise<T> {
  const deadline = performance.now() + seconds * 1000
  for (;;) {
    const answer = await ask()
    if (answer !== undefined) return answer
    if (performance.now() > deadline) throw new Error(`not so after ${seconds} s: ${ask.toString()}`)
    await sleep(50)
  }
}

/** `lifeboat server` as a process of its own; killed at the end of the scope if it still runs. */
export interface ServerProcess extends AsyncDisposable, RunningCli {
  /** Resolves once this process works, not just waits for its turn. */
  leads(): Promise<void>
  /** `http://127.0.0.1:PORT` */
  url(): Promise<string>
  /** Ends the process and gives its exit code; null when it was killed. */
  end(signal: NodeJS.Signals): Promise<number | null>
}

/** Starts a server for the custom resources in `namespace`, with `env` on top of a bare environment. */
export function startServer(options: {
  kubeconfigPath: string
  namespace: string
  args?: string[]
  env?: Readonly<Record<string, string>>
}): ServerProcess {
  const { kubeconfigPath, namespace, args = [], env = {} } = options
  const where = ['--kubeconfig', kubeconfigPath, '--namespace', namespace, '--metrics-address', '127.0.0.1:0']
  const running = startCli(['server', ...where, ...args], { env })
  let output = ''
  running.child.stdout?.on('data', (text: string) => (output += text))
  const said = (pattern: RegExp): Promise<RegExpExecArray> =>
    eventually(async () => {
      if (running.child.exitCode !== null) throw new Error(`the server ended: ${output}${running.stderr()}`)
      return pattern.exec(output) ?? undefined
    })
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    running.child.kill(signal)
    return (await running.ended).code
  }
  return {
    ...running,
    leads: async () => void (await said(/this process leads/)),
    url: async () => `http://${(await said(/"address":"([^"]+)"/))[1]}`,
    end,
    [Symbol.asyncDispose]: async () => void (await end('SIGKILL')),
  }
}

/** Kills a server with -9, and takes its lease away: its successor need not wait for what nobody renews any more. */
export async function killServer(server: ServerProcess, kube: KubeClient, namespace: string): Promise<void> {
  const code = await server.end('SIGKILL')
  if (code !== null) throw new Error(`the server had ended by itself, with ${code}: ${server.stderr()}`)
  await kube.delete(Leases, 'lifeboat-server', { namespace })
}

function custom<T extends KubeObject>(type: ResourceType<T>, name: string, spec: object): T {
  return { apiVersion: apiVersionOf(type), kind: type.kind, metadata: { name }, spec } as unknown as T
}

/** Asks for a directory as location. */
export async function makeLocation(
  kube: KubeClient,
  namespace: string,
  { name = 'default', path, spec = {} }: { name?: string; path: string; spec?: object },
): Promise<BackupStorageLocation> {
  const provider = { provider: 'lifeboat.dev/file', objectStorage: { bucket: 'any' }, config: { path } }
  return await kube.create(BackupStorageLocations, custom(BackupStorageLocations, name, { ...provider, ...spec }), {
    namespace,
  })
}

/** Asks for a backup. */
export async function askForBackup(
  kube: KubeClient,
  namespace: string,
  { name, spec }: { name: string; spec: BackupSpec },
): Promise<Backup> {
  return await kube.create(Backups, custom(Backups, name, spec), { namespace })
}

/** Asks for a restore. */
export async function askForRestore(
  kube: KubeClient,
  namespace: string,
  { name, spec }: { name: string; spec: RestoreSpec },
): Promise<Restore> {
  return await kube.create(Restores, custom(Restores, name, spec), { namespace })
}

/** Lets go of the restores in `namespace`, which otherwise never goes away once no server is left to remove their files. */
export async function letRestoresGo(kube: KubeClient, namespace: string): Promise<void> {
  for await (const { items } of kube.pages(Restores, { namespace })) {
    for (const { metadata } of items) {
      await kube.patch(Restores, metadata.name, { merge: { metadata: { finalizers: null } } }, { namespace })
    }
  }
}

/** The object once its phase is final. */
export async function ended<T extends Backup | Restore>(
  kube: KubeClient,
  type: ResourceType<T>,
  { name, namespace, seconds }: { name: string; namespace: string; seconds?: number },
): Promise<T> {
  return await eventually(async () => {
    const current = await kube.get(type, name, { namespace })
    return hasEnded(current.status?.phase) ? current : undefined
  }, seconds)
}

import { mkdir, readFile } from 'node:fs/promises'
import type { RunningProgram } from '#sandbox/program.ts'
import { startVeleroServer } from '../test/support/velero.ts'
import type { BenchStore } from './bench-store.ts'
import { startNode } from './measured-program.ts'
import { processUsage, type ProcessUsage } from './process-usage.ts'
import { bundleEnvironment } from './bundle.ts'

/** A server that works for Backup and Restore objects; it ends when disposed, or with this process. */
export interface BackupServer extends AsyncDisposable {
  usage(): Promise<ProcessUsage>
  /** What it has written so far. */
  output(): Promise<string>
}

/** What a server is started with. */
export interface ServerSetting {
  kubeconfigPath: string
  store: BenchStore
  /** Of its own. */
  directory: string
  /** Lifeboat's program; other servers have their own. */
  bundle: string
  /** More flags of `lifeboat server`. */
  args?: readonly string[] | undefined
  /** Features of Velero to switch on. */
  features?: readonly string[] | undefined
  /** Folder for a CPU profile; only a Node program makes one. */
  profile?: string | undefined
  signal: AbortSignal
}

/** Starts one kind of server. */
export type StartServer = (setting: ServerSetting) => Promise<BackupServer>

/** `lifeboat server`, as it is. */
export const startLifeboat: StartServer = async (setting) => {
  const { kubeconfigPath, store, directory, bundle, args = [], profile, signal } = setting
  await mkdir(directory, { recursive: true })
  const program = await startNode({
    name: 'lifeboat-server',
    script: bundle,
    args: ['server', '--kubeconfig', kubeconfigPath, '--metrics-address', '127.0.0.1:0', ...args],
    env: { HOME: directory, PATH: process.env['PATH'], ...(await bundleEnvironment(bundle, directory)), ...store.env },
    directory,
    profile,
    signal,
  })
  return serverOf(program)
}

/** Velero's server with its plugin for S3, outside of the cluster and with its defaults. `store` must be a bucket. */
export const startVelero: StartServer = async ({ store, ...setting }) => {
  const { AWS_ACCESS_KEY_ID = '', AWS_SECRET_ACCESS_KEY = '' } = store.env
  return serverOf(await startVeleroServer({ ...setting, credentials: { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } }))
}

const PATIENCE_MILLIS = 10_000

function serverOf(program: RunningProgram): BackupServer {
  const { pid } = program.identity
  return {
    usage: () => processUsage(pid),
    output: () => readFile(program.logPath, 'utf8'),
    async [Symbol.asyncDispose]() {
      // Asked first: only a process that ends by itself writes its profile.
      try {
        process.kill(pid, 'SIGTERM')
      } catch {
        // It has ended already; killing below clears what is left of its group.
      }
      let impatience: NodeJS.Timeout | undefined
      const waited = new Promise((resolve) => (impatience = setTimeout(resolve, PATIENCE_MILLIS)))
      await Promise.race([program.ended, waited])
      clearTimeout(impatience)
      await program.kill()
    },
  }
}

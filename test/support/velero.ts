import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { SandboxError } from '#sandbox/error.ts'
import { ensureAsset } from '#sandbox/assets.ts'
import { lock } from '#sandbox/file-lock.ts'
import { freePorts, isFree } from '#sandbox/free-port.ts'
import { lastWords, startProgram, type RunningProgram } from '#sandbox/program.ts'
import { plainProgress } from './plain-progress.ts'

/** What a server of Velero is started with. */
export interface VeleroSetting {
  kubeconfigPath: string
  /** Of the bucket, as the AWS SDK reads them from the environment. */
  credentials: Readonly<Record<string, string>>
  /** A folder of its own, for its plugin, its credentials and its log. */
  directory: string
  /** Features to switch on. */
  features?: readonly string[] | undefined
  /** How many backups may run at once; its default is one. */
  concurrentBackups?: number | undefined
  /** Variables for the server and its plug-ins. */
  env?: Readonly<Record<string, string>> | undefined
  signal?: AbortSignal | undefined
}

/**
 * Velero's server with its plugin for S3, outside of the cluster and with its defaults; it ends with this process. It takes port
 * 8080 whatever it is told, so of several processes that want one each waits for its turn.
 */
export async function startVeleroServer(setting: VeleroSetting): Promise<RunningProgram> {
  const { directory, signal } = setting
  const progress = { env: process.env, progress: plainProgress(), signal }
  const path = await ensureAsset('velero', progress)
  const plugin = await ensureAsset('velero-plugin-for-aws', progress)
  const plugins = join(directory, 'plugins')
  await mkdir(plugins, { recursive: true })
  await symlink(plugin, join(plugins, 'velero-plugin-for-aws'))
  const turn = await lock(join(tmpdir(), 'lifeboat-velero-server.lock'), { signal })
  try {
    await untilFree(8080, signal)
    const program = await startServer(setting, { path, plugins })
    void program.ended.then(() => turn[Symbol.asyncDispose]())
    return program
  } catch (error) {
    await turn[Symbol.asyncDispose]()
    throw error
  }
}

/** Waits for programs that know nothing of turns. */
async function untilFree(port: number, signal: AbortSignal | undefined): Promise<void> {
  while (!(await isFree(port))) await sleep(500, undefined, { signal })
}

async function startServer(
  setting: VeleroSetting,
  { path, plugins }: { path: string; plugins: string },
): Promise<RunningProgram> {
  const { kubeconfigPath, directory, features = [], concurrentBackups = 1 } = setting
  const [metrics, profiler] = (await freePorts(2)) as [number, number]
  return await startProgram({
    name: 'velero-server',
    path,
    args: [
      'server',
      `--plugin-dir=${plugins}`,
      `--metrics-address=127.0.0.1:${metrics}`,
      `--profiler-address=127.0.0.1:${profiler}`,
      `--concurrent-backups=${concurrentBackups}`,
      ...features.map((feature) => `--features=${feature}`),
    ],
    logPath: join(directory, 'velero-server.log'),
    cwd: directory,
    env: {
      ...setting.env,
      HOME: directory,
      PATH: process.env['PATH'],
      KUBECONFIG: kubeconfigPath,
      AWS_SHARED_CREDENTIALS_FILE: await credentialsFile(setting),
    },
  })
}

async function credentialsFile({ credentials, directory }: VeleroSetting): Promise<string> {
  const { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret } = credentials
  const path = join(directory, 'credentials')
  await writeFile(path, `[default]\naws_access_key_id=${id}\naws_secret_access_key=${secret}\n`, { mode: 0o600 })
  return path
}

/** `velero ARGS` to its end: everything it said. Rejects when it fails or takes too long, with its last words. */
export type VeleroClient = (...args: string[]) => Promise<string>

export interface VeleroClientSetting {
  kubeconfigPath: string
  /** Its home and its working directory. */
  directory: string
  /** Of the installation that is spoken to; its default is `velero`. */
  namespace?: string | undefined
  /** How long one command may take; a minute unless told otherwise. */
  seconds?: number | undefined
}

/** Velero's own command line, unmodified, in front of a cluster. */
export async function veleroClient(setting: VeleroClientSetting): Promise<VeleroClient> {
  const { kubeconfigPath, directory, namespace, seconds = 60 } = setting
  const path = await ensureAsset('velero', { env: process.env, progress: plainProgress() })
  await mkdir(directory, { recursive: true })
  const where = ['--kubeconfig', kubeconfigPath, ...(namespace === undefined ? [] : ['--namespace', namespace])]
  let commands = 0
  return async (...args) => {
    commands += 1
    const logPath = join(directory, `command-${commands}.log`)
    const program = await startProgram({
      name: `velero ${args.join(' ')}`,
      path,
      args: [...args, ...where, '--colorized=false'],
      logPath,
      cwd: directory,
      env: { HOME: directory, PATH: process.env['PATH'] },
    }).catch((error: unknown) => {
      // So quick that it was gone before anybody looked at it.
      if (error instanceof SandboxError && error.message.includes(' ended with exit code 0;')) return undefined
      throw error
    })
    if (program === undefined) return await readFile(logPath, 'utf8')
    // The timer also keeps this process alive, which a program that was started so does not.
    let late = false
    const bound = setTimeout(() => {
      late = true
      void program.kill()
    }, seconds * 1000)
    const how = await program.ended.finally(() => clearTimeout(bound))
    if (how === 'exit code 0') return await readFile(logPath, 'utf8')
    throw new Error(await lastWords(program, late ? `${how}, after ${seconds} s,` : how))
  }
}

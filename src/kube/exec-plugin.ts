import { spawn } from 'node:child_process'
import type { ExecPlugin } from './cluster-config.ts'
import { KubeConfigError } from './cluster-config.ts'

/** What a plugin answered. */
export interface ExecCredential {
  readonly token: string | undefined
  readonly cert: string | undefined
  readonly key: string | undefined
  /** Milliseconds since 1970 from when on it is stale; Infinity when the plugin set no expiry. */
  readonly expires: number
}

/** `ExecCredential` of client.authentication.k8s.io, as far as it is read here. */
interface Answer {
  kind?: unknown
  apiVersion?: unknown
  status?: {
    expirationTimestamp?: unknown
    token?: unknown
    clientCertificateData?: unknown
    clientKeyData?: unknown
  }
}

const LONGEST_STDERR = 2_000

/** Runs the plugin once and takes its credentials. Rejects with KubeConfigError that names the command and repeats what it printed. */
export async function runExecPlugin(plugin: ExecPlugin): Promise<ExecCredential> {
  const interactive = plugin.interactiveMode !== 'Never' && process.stdin.isTTY
  if (plugin.interactiveMode === 'Always' && !interactive) {
    throw new KubeConfigError(
      'unsupported',
      `the credential plugin ${plugin.command} needs a terminal, and there is none: log in where there is one`,
    )
  }
  const spec: Record<string, unknown> = { interactive }
  if (plugin.cluster !== undefined) spec['cluster'] = plugin.cluster
  const info = JSON.stringify({ kind: 'ExecCredential', apiVersion: plugin.apiVersion, spec })
  const { code, stdout, stderr } = await runProgram(plugin, { interactive, info })
  if (code !== 0) {
    const said = stderr.trim() === '' ? 'and said nothing' : `and said: ${stderr.trim().slice(0, LONGEST_STDERR)}`
    throw new KubeConfigError('unreadable', `the credential plugin ${plugin.command} ended with ${code} ${said}`)
  }
  return credentialIn(plugin, stdout)
}

interface Ended {
  /** Exit code, or the name of the signal that ended it. */
  code: number | string
  stdout: string
  stderr: string
}

function runProgram(plugin: ExecPlugin, { interactive, info }: { interactive: boolean; info: string }): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(plugin.command, plugin.args, {
      env: { ...plugin.env, KUBERNETES_EXEC_INFO: info },
      stdio: [interactive ? 'inherit' : 'ignore', 'pipe', interactive ? 'inherit' : 'pipe'],
    })
    const out: Buffer[] = []
    const err: Buffer[] = []
    child.stdout?.on('data', (chunk: Buffer) => out.push(chunk))
    child.stderr?.on('data', (chunk: Buffer) => err.push(chunk))
    child.on('error', (error) => reject(cannotRun(plugin, error)))
    child.on('close', (code, signal) =>
      resolve({
        code: code ?? signal ?? 'unknown',
        stdout: Buffer.concat(out).toString(),
        stderr: Buffer.concat(err).toString(),
      }),
    )
  })
}

function cannotRun(plugin: ExecPlugin, error: NodeJS.ErrnoException): KubeConfigError {
  const hint =
    plugin.installHint === undefined ? 'install it or correct `exec.command` of the user' : plugin.installHint.trim()
  const what = error.code === 'ENOENT' ? 'is not installed' : `cannot be run (${error.message})`
  return new KubeConfigError('unreadable', `the credential plugin ${plugin.command} ${what}: ${hint}`, { cause: error })
}

function credentialIn(plugin: ExecPlugin, stdout: string): ExecCredential {
  const wrong = (what: string): KubeConfigError =>
    new KubeConfigError('malformed', `the credential plugin ${plugin.command} ${what}: check its version and arguments`)
  const answer = parseAnswer(stdout)
  if (answer?.kind !== 'ExecCredential') throw wrong('printed no ExecCredential')
  if (answer.apiVersion !== plugin.apiVersion)
    throw wrong(`answered in ${String(answer.apiVersion)} where ${plugin.apiVersion} was asked for`)
  const token = textOf(answer.status?.token)
  const cert = textOf(answer.status?.clientCertificateData)
  const key = textOf(answer.status?.clientKeyData)
  if ((cert === undefined) !== (key === undefined))
    throw wrong('printed a certificate without its key, or a key without its certificate')
  if (token === undefined && cert === undefined) throw wrong('printed neither a token nor a certificate')
  const stamp = answer.status?.expirationTimestamp ?? undefined
  const expires = stamp === undefined ? Infinity : Date.parse(String(stamp))
  if (Number.isNaN(expires)) throw wrong(`printed an expirationTimestamp that is no time: ${String(stamp)}`)
  return { token, cert, key, expires }
}

function parseAnswer(stdout: string): Answer | undefined {
  try {
    const answer: unknown = JSON.parse(stdout)
    return typeof answer === 'object' && answer !== null ? answer : undefined
  } catch {
    return undefined
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

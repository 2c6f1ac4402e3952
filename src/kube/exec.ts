import { boundedOutput } from './bounded-output.ts'
import { type Call, objectLabel, pathOf } from './call.ts'
import type { Transport } from './transport.ts'
import { Pods } from './core-types.ts'
import { unlessAborted } from './unless-aborted.ts'

/** What to run where. */
export interface ExecOptions {
  readonly namespace: string
  readonly container: string
  /** Program and arguments; no shell in between. */
  readonly command: readonly string[]
  /** From the request to the end of the program; without it the program may take for ever. */
  readonly timeoutMillis?: number | undefined
  /** Bytes to keep of standard output, and as many of standard error; default 32 KiB. */
  readonly outputBytes?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** What a program in a container wrote, bounded. */
export interface ExecOutput {
  readonly stdout: string
  readonly stderr: string
}

/** The end of a program that ran to its end. */
export interface ExecEnd extends ExecOutput {
  readonly exitCode: number
}

/** `timeout`: it was still running; `not-run`: the node could not start it; `lost`: the connection or the container went away. */
export type ExecProblem = 'timeout' | 'not-run' | 'lost'

/** A program in a container whose end is not known. It may still run: nothing stops it from here. */
export class ExecError extends Error {
  override readonly name = 'ExecError'
  readonly problem: ExecProblem
  /** What it wrote until then. */
  readonly output: ExecOutput

  constructor(problem: ExecProblem, message: string, detail: { output: ExecOutput; cause?: unknown }) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause })
    this.problem = problem
    this.output = detail.output
  }
}

const OUTPUT_BYTES = 32 * 1024
/** A timer that is set to more goes off at once. */
const LONGEST_TIMER_MILLIS = 2 ** 31 - 1
/** https://kubernetes.io/docs/reference/using-api/ (remotecommand): the same to whoever sends no input. */
const PROTOCOLS = ['v5.channel.k8s.io', 'v4.channel.k8s.io']
const CHANNEL = { stdout: 1, stderr: 2, status: 3 }

/** See `KubeClient.exec`. */
export async function exec(transport: Transport, pod: string, options: ExecOptions): Promise<ExecEnd> {
  const { timeoutMillis, outputBytes = OUTPUT_BYTES, signal } = options
  const stdout = boundedOutput(outputBytes)
  const stderr = boundedOutput(outputBytes)
  const output = (): ExecOutput => ({ stdout: stdout.text(), stderr: stderr.text() })
  const status = Promise.withResolvers<Buffer>()
  const onMessage = (message: Buffer): void => {
    const bytes = message.subarray(1)
    if (message[0] === CHANNEL.stdout) stdout.add(bytes)
    else if (message[0] === CHANNEL.stderr) stderr.add(bytes)
    else if (message[0] === CHANNEL.status) status.resolve(bytes)
  }
  const deadline = new AbortController()
  const timer =
    timeoutMillis === undefined
      ? undefined
      : setTimeout(() => deadline.abort(), Math.min(timeoutMillis, LONGEST_TIMER_MILLIS))
  const either = signal === undefined ? deadline.signal : AbortSignal.any([signal, deadline.signal])
  const call = execCall(pod, { ...options, signal: either })
  const where = `${objectLabel(Pods, options.namespace, pod)}, container ${options.container}`
  try {
    const dialogue = await transport.dialogue(call, { protocols: PROTOCOLS, onMessage })
    try {
      const end = await unlessAborted(Promise.race([status.promise, dialogue.ended]), either)
      if (end === undefined) throw new ExecError('lost', `${where}: the connection broke off`, { output: output() })
      return { exitCode: exitCodeIn(end, where, output()), ...output() }
    } finally {
      dialogue.end()
    }
  } catch (error) {
    if (!deadline.signal.aborted || signal?.aborted === true) throw error
    const seconds = (timeoutMillis ?? 0) / 1000
    throw new ExecError('timeout', `${where}: the command did not end within ${seconds} s`, { output: output() })
  } finally {
    clearTimeout(timer)
  }
}

function execCall(pod: string, { namespace, container, command, signal }: ExecOptions): Call {
  const query = new URLSearchParams({ container, stdout: 'true', stderr: 'true' })
  for (const word of command) query.append('command', word)
  return {
    method: 'GET',
    path: `${pathOf(Pods, { namespace, name: pod, subresource: 'exec' })}?${query}`,
    // As RBAC calls it, since Kubernetes 1.35 also for a WebSocket.
    verb: 'create',
    object: `pods/exec ${namespace}/${pod}`,
    // A program that was perhaps started must not be started again.
    repeatable: false,
    signal,
  }
}

interface Status {
  status?: string
  message?: string
  reason?: string
  details?: { causes?: { reason?: string; message?: string }[] }
}

/** The last message of the server is a Status: success, the exit code, or why nothing was run. */
function exitCodeIn(bytes: Buffer, where: string, output: ExecOutput): number {
  const status = statusIn(bytes)
  if (status.status === 'Success') return 0
  const code = status.details?.causes?.find(({ reason }) => reason === 'ExitCode')?.message
  if (code !== undefined && /^\d+$/.test(code)) return Number(code)
  throw new ExecError('not-run', `${where}: ${status.message ?? bytes.toString()}`, { output })
}

function statusIn(bytes: Buffer): Status {
  try {
    return JSON.parse(bytes.toString()) as Status
  } catch {
    // Words of something in between.
    return {}
  }
}

import { Worker } from 'node:worker_threads'
import { PluginError } from './error.ts'
import { parseAnswer } from './json.ts'
import { boundedLines } from './lines.ts'
import { workerSource, type WorkerAnswer, type WorkerCall, type WorkerStart } from './worker.ts'

/** What one thread may use. It bounds the heap of a module, not buffers that it takes outside of it. */
export interface ThreadLimits {
  readonly loadMillis: number
  /** For each call. */
  readonly callMillis: number
  readonly heapMegabytes: number
}

export interface ThreadOptions extends WorkerStart {
  readonly limits: ThreadLimits
  /** Gets each line that the module prints. */
  readonly onOutput?: ((line: string) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

/** Far more than an API server takes for an object. */
const MOST_CHARACTERS = 32 * 2 ** 20

/** A module in a thread of its own. One call at a time. */
export interface Thread extends AsyncDisposable {
  /** False once the thread has ended, by itself or because a call took too long. */
  readonly alive: boolean
  /** What the action returned, as JSON values. Rejects with PluginError 'failed', 'timeout' or 'crashed', or with the signal's reason. */
  call(call: WorkerCall): Promise<unknown>
}

/** Starts a thread and loads the module. Gives its exports beside it. Rejects with PluginError 'not-found' or 'cannot-load'; then no thread is left. */
export async function startThread(options: ThreadOptions): Promise<{ thread: Thread; exported: unknown }> {
  const { specifier, base } = options
  options.signal?.throwIfAborted()
  const worker = new Worker(workerSource(), {
    eval: true,
    execArgv: [],
    workerData: { specifier, base } satisfies WorkerStart,
    resourceLimits: { maxOldGenerationSizeMb: options.limits.heapMegabytes },
    stdout: true,
    stderr: true,
  })
  for (const output of [worker.stdout, worker.stderr]) {
    const lines = boundedLines((line) => options.onOutput?.(line))
    output.setEncoding('utf8').on('data', (text: string) => lines.add(text))
    output.on('end', () => lines.end())
  }
  const thread = new WorkerThread(worker, options)
  try {
    return { thread, exported: await thread.loaded() }
  } catch (error) {
    await thread[Symbol.asyncDispose]()
    throw error
  }
}

class WorkerThread implements Thread {
  readonly #worker: Worker
  readonly #options: ThreadOptions
  /** Settles the call that is under way. */
  #settle: ((answer: WorkerAnswer | PluginError) => void) | undefined
  #end: PluginError | undefined
  /** The number of the latest call. */
  #calls = 0

  constructor(worker: Worker, options: ThreadOptions) {
    this.#worker = worker
    this.#options = options
    worker.on('message', (text: unknown) => {
      if (typeof text === 'string' && text.length > MOST_CHARACTERS) {
        return this.#settle?.(
          new PluginError('bad-answer', `its answer has ${text.length} characters, which is too much`),
        )
      }
      const answer = parseAnswer(text)
      return answer?.id === this.#calls ? this.#settle?.(answer) : undefined
    })
    worker.on('error', (error: unknown) => this.#ended(`its thread broke down: ${reasonOf(error)}`))
    worker.on('exit', (code) => this.#ended(`it ended its own thread (exit code ${code})`))
  }

  get alive(): boolean {
    return this.#end === undefined
  }

  async loaded(): Promise<unknown> {
    try {
      const answer = await this.#answer('while it was loaded', this.#options.limits.loadMillis)
      if (!('error' in answer)) return answer.value
      const problem = answer.missing === true ? 'not-found' : 'cannot-load'
      throw new PluginError(problem, `cannot be loaded: ${answer.error}`)
    } catch (error) {
      if (!(error instanceof PluginError) || error.problem === 'not-found') throw error
      throw new PluginError('cannot-load', error.message, { cause: error })
    }
  }

  async call(call: WorkerCall): Promise<unknown> {
    if (this.#end !== undefined) throw this.#end
    this.#calls += 1
    const waiting = this.#answer(`in ${call.method}`, this.#options.limits.callMillis)
    this.#worker.postMessage(JSON.stringify({ id: this.#calls, ...call }))
    const answer = await waiting
    if ('error' in answer) throw new PluginError('failed', answer.error)
    return answer.value
  }

  async #answer(when: string, limit: number): Promise<WorkerAnswer> {
    const { signal } = this.#options
    signal?.throwIfAborted()
    const { promise, resolve, reject } = Promise.withResolvers<WorkerAnswer>()
    this.#settle = (answer) => (answer instanceof PluginError ? reject(answer) : resolve(answer))
    const timer = setTimeout(() => {
      this.#ended(`gave no answer ${when} within ${limit / 1000} s`, 'timeout')
    }, limit)
    const onAbort = (): void => reject(signal?.reason)
    signal?.addEventListener('abort', onAbort, { once: true })
    try {
      return await promise
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
      this.#settle = undefined
    }
  }

  #ended(message: string, problem: 'timeout' | 'crashed' = 'crashed'): void {
    if (this.#end !== undefined) return
    this.#end = new PluginError(problem, message)
    this.#settle?.(this.#end)
    void this.#worker.terminate()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end ??= new PluginError('crashed', 'its thread was ended with the run')
    await this.#worker.terminate()
  }
}

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  return code === 'ERR_WORKER_OUT_OF_MEMORY' ? 'it used more memory than it may' : (message ?? String(error))
}

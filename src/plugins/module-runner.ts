import { PluginError } from './error.ts'
import type { PluginModule } from './open.ts'
import { startThread, type Thread } from './thread.ts'
import type { WorkerCall } from './worker.ts'

export interface ModuleRunnerOptions {
  readonly signal?: AbortSignal | undefined
  /** Gets each line a module prints, and the module's name. */
  readonly onOutput?: ((line: string, specifier: string) => void) | undefined
}

/** Keeps a thread for a module: starts it when it is needed, and again when it was lost, but not for ever. */
export class ModuleRunner {
  readonly #module: PluginModule
  readonly #options: ModuleRunnerOptions
  #thread: Thread | undefined
  #starts = 0
  /** One call at a time, also when several runs of the caller overlap. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(module: PluginModule, options: ModuleRunnerOptions) {
    this.#module = module
    this.#options = options
  }

  /** The answer as JSON values. Rejects with PluginError, or with the signal's reason. */
  call(call: WorkerCall): Promise<unknown> {
    const answer = this.#last.then(async () => (await this.#alive()).call(call))
    this.#last = answer.catch(() => undefined)
    return answer
  }

  async stop(): Promise<void> {
    const thread = this.#thread
    this.#thread = undefined
    await thread?.[Symbol.asyncDispose]()
  }

  async #alive(): Promise<Thread> {
    if (this.#thread?.alive === true) return this.#thread
    const { source, limits, specifier } = this.#module
    const { signal, onOutput } = this.#options
    if (this.#starts > limits.restarts) {
      throw new PluginError(
        'given-up',
        `not called any more, since ${specifier} had to be started ${this.#starts} times`,
      )
    }
    await this.stop()
    this.#starts += 1
    const printed = (line: string): void => onOutput?.(line, specifier)
    this.#thread = (await startThread({ ...source, limits, signal, onOutput: printed })).thread
    return this.#thread
  }
}

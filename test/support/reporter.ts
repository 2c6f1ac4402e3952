import { writeFileSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import type { TestEvent } from 'node:test/reporters'
import { inspect } from 'node:util'

type Outcome = Extract<TestEvent, { type: 'test:pass' | 'test:fail' }>['data']
type Summary = Extract<TestEvent, { type: 'test:summary' }>['data']

/**
 * Reports a run in one line per file, each failure in full, and `N passed, N failed` as the very last line. A file without a test
 * counts as a failure; so does, with CI=true, a test that is skipped or left to do.
 */
// Node asks a reporter for its default export.
// oxlint-disable-next-line import/no-default-export
export default async function* reporter(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const { CI, LIFEBOAT_TEST_RECORD: recordPath, LIFEBOAT_TESTS_PASSED: before } = process.env
  const run = new RunReport({ strict: CI === 'true', directory: process.cwd(), passedBefore: Number(before ?? 0) })
  for await (const event of source) yield* run.take(event)
  yield* run.end()
  if (recordPath !== undefined) writeFileSync(recordPath, JSON.stringify(run.record()))
  if (run.failed > 0) process.exitCode = 1
}

/** What a second run of the files that failed needs to know of the first one. */
export interface RunRecord {
  /** Files with failures, relative to where the run was started. */
  failedFiles: string[]
  /** Tests that passed, those in `failedFiles` not counted. */
  passedElsewhere: number
}

/** What became of a run so far. Feed it every event in order. */
export class RunReport {
  passed = 0
  failed = 0
  readonly #passedIn = new Map<string, number>()
  readonly #failedFiles = new Set<string>()
  readonly #left: string[] = []
  readonly #failures: string[] = []
  readonly #output = new Map<string, string[]>()
  readonly #strict: boolean
  readonly #directory: string

  /**
   * `strict`: tests that are skipped or left to do are failures. `directory`: where the run was started. `passedBefore`: tests
   * that passed in an earlier part of the same run.
   */
  constructor(options: { strict: boolean; directory: string; passedBefore?: number }) {
    this.#strict = options.strict
    this.#directory = options.directory
    this.passed = options.passedBefore ?? 0
  }

  /** What is to be known of the run by one that goes on with it. */
  record(): RunRecord {
    const passed = [...this.#passedIn].filter(([file]) => !this.#failedFiles.has(file))
    return { failedFiles: [...this.#failedFiles], passedElsewhere: passed.reduce((sum, [, count]) => sum + count, 0) }
  }

  /** Lines to show for `event`. */
  *take(event: TestEvent): Generator<string> {
    if (event.type === 'test:pass' || event.type === 'test:fail') {
      yield* this.#outcome(event.data, event.type === 'test:pass')
    } else if (event.type === 'test:stdout' || event.type === 'test:stderr') {
      this.#outputOf(event.data.file).push(event.data.message)
    } else if (event.type === 'test:summary' && event.data.file !== undefined) {
      yield* this.#fileEnd(event.data, event.data.file)
    }
  }

  /** The closing lines; the last is `N passed, N failed`. */
  *end(): Generator<string> {
    if (this.#failures.length > 0) yield `\n${this.#failures.join('\n')}\n`
    if (this.#left.length > 0) yield `not run:\n${this.#left.map((line) => `  ${line}\n`).join('')}`
    if (this.passed + this.failed === 0) this.failed = 1
    yield `${this.passed} passed, ${this.failed} failed\n`
  }

  *#outcome(data: Outcome, passed: boolean): Generator<string> {
    if (isWholeFile(data, this.#directory)) {
      yield this.#fail(data, passed ? 'there is no test in this file' : this.#outputOf(data.file).join('').trim())
    } else if (isOn(data.skip) || isOn(data.todo)) {
      this.#left.push(`${this.#place(data)}: ${isOn(data.skip) ? 'skipped' : 'to do'}`)
      if (this.#strict) yield this.#fail(data, 'a test that does not run proves nothing')
    } else if (passed) {
      if (data.details.type !== 'suite') this.#pass(data)
    } else if (errorOf(data)?.['failureType'] !== 'subtestsFailed') {
      yield this.#fail(data, describeError(errorOf(data)))
    }
  }

  *#fileEnd({ counts, success, duration_ms: ms }: Summary, file: string): Generator<string> {
    const mark = success ? '✔' : '✖'
    yield `${mark} ${relative(this.#directory, file)}  ${counts.tests} tests, ${(ms / 1000).toFixed(1)} s\n`
    const output = this.#outputOf(file).join('')
    if (!success && output !== '') yield `${indent(output.trimEnd(), '  | ')}\n`
    this.#output.delete(resolve(this.#directory, file))
  }

  #pass({ file = '' }: Outcome): void {
    this.passed++
    const name = relative(this.#directory, file)
    this.#passedIn.set(name, (this.#passedIn.get(name) ?? 0) + 1)
  }

  #fail(data: Outcome, why: string): string {
    this.failed++
    if (data.file !== undefined) this.#failedFiles.add(relative(this.#directory, data.file))
    const text = `✖ ${this.#place(data)}\n${indent(why, '    ')}\n`
    this.#failures.push(text)
    return text
  }

  #place({ file, name, line }: Outcome): string {
    if (file === undefined) return name
    return `${relative(this.#directory, file)}${line === undefined ? '' : `:${line}`} ${name}`
  }

  #outputOf(file: string | undefined): string[] {
    const key = resolve(this.#directory, file ?? '')
    const lines = this.#output.get(key) ?? []
    this.#output.set(key, lines)
    return lines
  }
}

/** Node reports a file that crashed, or that has no test, as a test with the file's own name. */
function isWholeFile({ file, name, nesting }: Outcome, directory: string): boolean {
  return nesting === 0 && file !== undefined && resolve(directory, name) === file
}

function isOn(value: boolean | string | undefined): boolean {
  return value !== undefined && value !== false
}

function errorOf(data: Outcome): Record<string, unknown> | undefined {
  return 'error' in data.details ? (data.details.error as unknown as Record<string, unknown>) : undefined
}

function describeError(error: Record<string, unknown> | undefined): string {
  // Node wraps what the test threw. An assertion's message holds the difference already; its fields would repeat it.
  const thrown = error?.['cause'] ?? error
  if (!(thrown instanceof Error)) return String(thrown)
  return 'code' in thrown && thrown.code === 'ERR_ASSERTION'
    ? (thrown.stack ?? thrown.message)
    : inspect(thrown, { depth: 4 })
}

function indent(text: string, by: string): string {
  return text.replace(/^/gm, by)
}

import { spawn, type ChildProcess } from 'node:child_process'
import { mkdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { AssetRecipe } from './asset-recipe.ts'
import { SandboxError, throwIfAborted } from './error.ts'
import type { Environment } from './home.ts'
import { requireGo } from './go-toolchain.ts'
import { guardedCommand } from './program.ts'

/** Where a build stands. `remainingMs` is a guess. */
export type BuildStep =
  | { step: 'fetching' }
  | { step: 'building'; compiled: number; packages: number; remainingMs: number }

export interface BuildOptions {
  env: Environment
  /** Where the program goes, in one step and only when it is whole. */
  path: string
  signal?: AbortSignal | undefined
  progress: (step: BuildStep) => void
}

/**
 * Builds one program from its module in tools/. The caller holds the lock of `path`. Whether the build fails, is interrupted, or this
 * process is killed, nothing is left running; SandboxError 'asset-missing', 'build-failed' or 'aborted'.
 */
export async function buildAsset(recipe: AssetRecipe, options: BuildOptions): Promise<void> {
  const module = await moduleDirectory(recipe)
  const scratch = `${options.path}.building`
  await rm(scratch, { recursive: true, force: true })
  await mkdir(scratch)
  try {
    const env = buildEnvironment(options.env, scratch)
    const go = (args: readonly string[]) => startGo(args, { env, cwd: module, signal: options.signal })
    await requireGo(recipe, { env, module })
    options.progress({ step: 'fetching' })
    const stale = await stalePackages(recipe, go)
    const program = join(scratch, recipe.name)
    await compile(recipe, go(['build', '-v', ...buildFlags(recipe), '-o', program, recipe.package]), { stale, options })
    await rename(program, options.path)
  } finally {
    await rm(scratch, { recursive: true, force: true, maxRetries: 3 })
  }
}

async function moduleDirectory(recipe: AssetRecipe): Promise<string> {
  // From src/sandbox/ in the tree and from dist/ in the package, tools/ lies at the root.
  for (const up of ['../../tools', '../tools']) {
    const directory = join(fileURLToPath(new URL(up, import.meta.url)), recipe.module)
    if (await stat(join(directory, 'go.mod')).catch(() => undefined)) return directory
  }
  throw new SandboxError(
    'asset-missing',
    `${recipe.name} ${recipe.version} is not on this machine and this installation has no tools/ to build it from: set LIFEBOAT_ASSETS or KUBEBUILDER_ASSETS to a folder that holds it`,
  )
}

function buildEnvironment(env: Environment, scratch: string): Environment {
  // What the user set for programs of their own (another platform, a workspace) is not meant for this one.
  return { ...env, GOOS: undefined, GOARCH: undefined, GOWORK: 'off', CGO_ENABLED: '0', GOTMPDIR: scratch }
}

function buildFlags(recipe: AssetRecipe): string[] {
  const variables = Object.entries(recipe.variables).map(([name, value]) => `-X ${name}=${value}`)
  return ['-mod=readonly', '-buildvcs=false', '-trimpath', '-ldflags', ['-s', '-w', ...variables].join(' ')]
}

/** The packages that `go build` will compile because Go's cache lacks them; downloads the modules on the way. */
async function stalePackages(recipe: AssetRecipe, go: (args: readonly string[]) => GoRun): Promise<Set<string>> {
  const format = '{{if .Stale}}{{.ImportPath}}{{end}}'
  const run = go(['list', '-deps', ...buildFlags(recipe), '-f', format, recipe.package])
  const stale = new Set<string>()
  const complaints: string[] = []
  await Promise.all([
    run.readLines('stdout', (line) => stale.add(line)),
    run.readLines('stderr', (line) => complaints.push(line)),
  ])
  await finish(run, recipe, complaints)
  return stale
}

async function compile(
  recipe: AssetRecipe,
  run: GoRun,
  { stale, options }: { stale: ReadonlySet<string>; options: BuildOptions },
): Promise<void> {
  const began = performance.now()
  const complaints: string[] = []
  let compiled = 0
  const report = () =>
    options.progress({
      step: 'building',
      compiled,
      packages: stale.size,
      remainingMs: remaining(recipe, { share: compiled / stale.size, elapsedMs: performance.now() - began }),
    })
  report()
  const ticking = setInterval(report, 500)
  try {
    await run.readLines('stderr', (line) => {
      if (stale.has(line)) compiled++
      else complaints.push(line)
    })
    await finish(run, recipe, complaints)
  } finally {
    clearInterval(ticking)
  }
}

function remaining(recipe: AssetRecipe, { share, elapsedMs }: { share: number; elapsedMs: number }): number {
  const guess = recipe.seconds * 1000
  // Early on the share says little; later it knows this machine and its cache better than the recipe does.
  const measured = share > 0.1 ? elapsedMs / share : guess
  return Math.max(0, Math.min(measured, guess * 4) - elapsedMs)
}

interface GoRun {
  readLines(stream: 'stdout' | 'stderr', line: (text: string) => void): Promise<void>
  /** Exit code; undefined when it was killed. */
  ended: Promise<number | undefined>
  signal: AbortSignal | undefined
}

function startGo(
  args: readonly string[],
  { env, cwd, signal }: { env: Environment; cwd: string; signal?: AbortSignal | undefined },
): GoRun {
  const child = spawn(...guardedCommand('go', args), { env, cwd, detached: true, stdio: 'pipe' })
  child.stdin.on('error', () => undefined)
  const kill = () => killGo(child)
  signal?.addEventListener('abort', kill, { once: true })
  if (signal?.aborted === true) kill()
  const ended = new Promise<number | undefined>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => resolve(code ?? undefined))
  }).finally(() => {
    signal?.removeEventListener('abort', kill)
    // The guard reads this pipe to its end.
    child.stdin.destroy()
  })
  return { readLines: (stream, line) => readLines(child[stream], line), ended, signal }
}

async function readLines(stream: NodeJS.ReadableStream, line: (text: string) => void): Promise<void> {
  for await (const text of createInterface({ input: stream, crlfDelay: Infinity })) if (text !== '') line(text)
}

function killGo({ pid, exitCode, signalCode }: ChildProcess): void {
  if (pid === undefined || exitCode !== null || signalCode !== null) return
  process.kill(-pid, 'SIGKILL')
}

async function finish(run: GoRun, recipe: AssetRecipe, complaints: readonly string[]): Promise<void> {
  const code = await run.ended
  throwIfAborted(run.signal, `building ${recipe.name}`)
  if (code === 0) return
  const words = complaints.filter((line) => !line.startsWith('go: downloading')).slice(-5)
  throw new SandboxError(
    'build-failed',
    `${recipe.name} ${recipe.version} could not be built: ${words.map((line) => line.slice(0, 300)).join(' | ') || `go ended with ${code}`}`,
  )
}

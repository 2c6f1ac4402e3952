import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { AssetRecipe } from './asset-recipe.ts'
import { SandboxError } from './error.ts'
import type { Environment } from './home.ts'

const run = promisify(execFile)

/** Resolves when a Go that can build `module` is there; else SandboxError 'asset-missing' says in one line what to install or set. */
export async function requireGo(
  recipe: AssetRecipe,
  { env, module }: { env: Environment; module: string },
): Promise<void> {
  const wanted = await wantedGo(module)
  const found = await installedGo(env, module)
  if (found !== undefined && !isOlder(found, wanted)) return
  const state =
    found === undefined ? 'there is no Go to build it with' : `the Go that is here (${found}) is too old to build it`
  throw new SandboxError(
    'asset-missing',
    `${recipe.name} ${recipe.version} is not on this machine and ${state}: install Go ${wanted} or newer (https://go.dev/dl), or set KUBEBUILDER_ASSETS to a folder that holds ${recipe.name}`,
  )
}

/** Whether version `a` (`1.25.4`) comes before `b`. */
export function isOlder(a: string, b: string): boolean {
  const parts = (version: string) => version.split('.').map((part) => Number.parseInt(part, 10) || 0)
  const [left, right] = [parts(a), parts(b)]
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0)
    if (difference !== 0) return difference < 0
  }
  return false
}

async function wantedGo(module: string): Promise<string> {
  const goMod = await readFile(join(module, 'go.mod'), 'utf8')
  return /^go (\S+)$/m.exec(goMod)?.[1] ?? '1.26'
}

/** Version such as `1.26.3`, after Go has had its chance to fetch the toolchain that the module wants; undefined without Go. */
async function installedGo(env: Environment, module: string): Promise<string | undefined> {
  const version = async (cwd: string) => /go(\d[\d.]*)/.exec((await run('go', ['version'], { env, cwd })).stdout)?.[1]
  try {
    return await version(module)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    // A Go that refuses the module's version still says its own outside of it.
    return version('/')
  }
}

import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { SandboxError, throwIfAborted } from './error.ts'
import { lock } from './file-lock.ts'
import { cacheHome, type Environment } from './home.ts'

const run = promisify(execFile)

/** Debian packages that are unpacked over one another into one folder, without what they depend on. */
export interface PackageSet {
  name: string
  packages: readonly string[]
}

export interface PackageOptions {
  env: Environment
  signal?: AbortSignal | undefined
  /** Told once, when something has to be fetched. */
  fetching?: ((set: PackageSet) => void) | undefined
}

/**
 * Folder that holds the files of `set`: from the cache, else fetched by apt into the cache, by one process at a time. Nothing is installed.
 * `packages.txt` in it names the versions. SandboxError 'asset-missing' when apt does not have them, or is not there.
 */
export async function ensurePackages(set: PackageSet, options: PackageOptions): Promise<string> {
  const directory = join(cacheHome(options.env), 'assets')
  const path = join(directory, `${set.name}-${await release()}-${contentOf(set)}-${process.arch}`)
  if (await exists(path)) return path
  await mkdir(directory, { recursive: true })
  await using _lock = await lock(`${path}.lock`, { signal: options.signal })
  if (await exists(path)) return path
  options.fetching?.(set)
  const scratch = `${path}.fetching`
  await rm(scratch, { recursive: true, force: true })
  await mkdir(join(scratch, 'unpacked'), { recursive: true })
  try {
    await download(set, { scratch, options })
    await unpack(scratch, options.env)
    await rename(join(scratch, 'unpacked'), path)
  } finally {
    await rm(scratch, { recursive: true, force: true, maxRetries: 3 })
  }
  return path
}

interface Fetching {
  scratch: string
  options: PackageOptions
}

async function download(set: PackageSet, { scratch, options }: Fetching): Promise<void> {
  const apt = (...args: string[]) =>
    run('apt-get', args, { cwd: scratch, env: { ...options.env, LC_ALL: 'C' }, signal: options.signal })
  try {
    try {
      await apt('download', ...set.packages)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw error
      // A new machine has no lists of packages yet. A source that cannot be reached may be one that is not needed.
      await apt('update').catch(() => undefined)
      await apt('download', ...set.packages)
    }
  } catch (error) {
    throwIfAborted(options.signal, `fetching ${set.packages.join(', ')}`)
    throw new SandboxError('asset-missing', refusal(set, error), { cause: error })
  }
}

function refusal(set: PackageSet, error: unknown): string {
  const names = set.packages.join(', ')
  const { code, stderr } = error as { code?: unknown; stderr?: string }
  if (code === 'ENOENT') {
    return `the programs of ${names} are not on this machine and there is no apt-get to fetch them with: this works on Debian and what is made from it`
  }
  const words = (stderr ?? String(error)).trim().split('\n').slice(-3).join(' | ')
  return `apt-get could not fetch ${names}: ${words}`
}

async function unpack(scratch: string, env: Environment): Promise<void> {
  const files = (await readdir(scratch)).filter((name) => name.endsWith('.deb')).toSorted()
  for (const file of files)
    await run('dpkg-deb', ['--extract', join(scratch, file), join(scratch, 'unpacked')], { env })
  await writeFile(join(scratch, 'unpacked', 'packages.txt'), files.map((file) => `${file}\n`).join(''))
}

/** Such as `debian12`: files of one release do not run on every other. */
async function release(): Promise<string> {
  const text = await readFile('/etc/os-release', 'utf8').catch(() => '')
  const value = (name: string) => new RegExp(`^${name}="?([\\w.-]+)"?$`, 'm').exec(text)?.[1] ?? ''
  return `${value('ID')}${value('VERSION_ID')}`
}

function contentOf(set: PackageSet): string {
  return createHash('sha256').update(set.packages.toSorted().join(' ')).digest('hex').slice(0, 8)
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined
}

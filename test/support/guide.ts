import { execFile } from 'node:child_process'
import { chmod, mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { ensureAsset } from '#sandbox/assets.ts'
import { plainProgress } from './plain-progress.ts'
import { fencedBlocks, type FencedBlock } from './shell-commands.ts'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))

/** The guides in docs/ whose commands are run. In them a block of shell is marked `runs`, unless it takes what only a reader has. */
export const guides = ['kind', 'from-velero', 'eks'] as const

/** The fenced blocks of a guide, or of those of its blocks that are marked so. */
export async function guideBlocks(guide: (typeof guides)[number], mark?: string): Promise<FencedBlock[]> {
  const blocks = fencedBlocks(await readFile(join(root, 'docs', `${guide}.md`), 'utf8'))
  return mark === undefined ? blocks : blocks.filter(({ info }) => info[1] === mark)
}

/**
 * Does what a guide says, from top to bottom, in `cwd`: every block that is marked `runs`, in one shell that has `lifeboat` (from source) and `kubectl`.
 * Resolves to all that was said; rejects with it when a command fails.
 */
export async function followGuide(
  guide: (typeof guides)[number],
  { cwd, env }: { cwd: string; env: Readonly<Record<string, string>> },
): Promise<string> {
  const blocks = await guideBlocks(guide, 'runs')
  const script = `set -euxo pipefail\n${blocks.map(({ text }) => text).join('\n')}\n`
  const path = `${await programs(cwd)}:${process.env['PATH']}`
  try {
    const compiled = { NODE_COMPILE_CACHE: join(cwd, 'compiled') }
    const options = { cwd, env: { PATH: path, HOME: cwd, ...compiled, ...env }, maxBuffer: 1e8, timeout: 600_000 }
    const { stdout, stderr } = await run('bash', ['-c', script], options)
    return `${stdout}\n${stderr}`
  } catch (error) {
    const { message, stdout, stderr } = error as Error & { stdout?: string; stderr?: string }
    throw new Error(`docs/${guide}.md: ${message}\n${stdout}\n${stderr}`, { cause: error })
  }
}

async function programs(folder: string): Promise<string> {
  const bin = join(folder, 'bin')
  await mkdir(bin)
  const lifeboat = join(bin, 'lifeboat')
  await writeFile(lifeboat, `#!/bin/sh\nexec ${process.execPath} ${join(root, 'src/main.ts')} "$@"\n`)
  await chmod(lifeboat, 0o755)
  await symlink(await ensureAsset('kubectl', { env: process.env, progress: plainProgress() }), join(bin, 'kubectl'))
  return bin
}

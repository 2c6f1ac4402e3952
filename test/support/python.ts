import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cachedFolder } from './cached-folder.ts'

/** The environment of Python that has what tools/`name`/requirements.txt pins, got once through pip into the cache. */
export async function pythonWith(name: string): Promise<string> {
  const requirements = fileURLToPath(new URL(`../../tools/${name}/requirements.txt`, import.meta.url))
  return await cachedFolder({ kind: 'python', name, wanted: await readFile(requirements) }, async (folder) => {
    await run(name, 'python3', ['-m', 'venv', folder])
    const pip = ['-m', 'pip', 'install', '--disable-pip-version-check', '--quiet', '--no-deps', '-r', requirements]
    await run(name, join(folder, 'bin', 'python'), pip)
  })
}

async function run(name: string, file: string, args: readonly string[]): Promise<void> {
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (said += text))
  const ended = once(child, 'close')
  const failure = await Promise.race([
    ended.then(() => undefined),
    once(child, 'error').then(([error]) => error as Error),
  ])
  if (failure === undefined && child.exitCode === 0) return
  const reason = failure?.message ?? `${file} ${args.slice(0, 3).join(' ')} failed: ${said.trim().slice(-500)}`
  throw new Error(
    `tests with ${name} need Python 3 with venv (on Debian: apt-get install python3-venv) and pip: ${reason}`,
  )
}

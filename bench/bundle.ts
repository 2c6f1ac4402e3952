import { execFile } from 'node:child_process'
import { copyFile, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { inRepository } from './measured-program.ts'

/** Builds the one file that users run and copies it into `directory`, where no later build replaces it under a measurement. */
export async function bundleIn(directory: string, signal: AbortSignal): Promise<string> {
  await promisify(execFile)(process.execPath, [inRepository('scripts/build.mjs')], { signal })
  const path = join(directory, 'lifeboat.mjs')
  await copyFile(inRepository('dist/lifeboat.mjs'), path)
  return path
}

/** What the first line of the bundle at `path` puts into the environment of whoever starts it by name: a measurement must do the same. */
export async function bundleEnvironment(path: string, home: string): Promise<Record<string, string>> {
  const [firstLine = ''] = (await readFile(path, 'utf8')).split('\n', 1)
  const settings = firstLine.matchAll(/(?<= )([A-Z_]+)=(\S+)/g)
  return Object.fromEntries([...settings].map(([, name = '', value = '']) => [name, value.replace('${HOME}', home)]))
}

import { execFile } from 'node:child_process'
import { copyFile } from 'node:fs/promises'
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

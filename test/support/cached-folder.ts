import { createHash } from 'node:crypto'
import { access, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { lock } from '#sandbox/file-lock.ts'
import { cacheHome } from '#sandbox/home.ts'

/** A folder of the user's cache with what `fill` has put into it, once, for this and all later runs; its name tells what `wanted` says. */
export async function cachedFolder(
  { kind, name, wanted }: { kind: string; name: string; wanted: Buffer },
  fill: (folder: string) => Promise<void>,
): Promise<string> {
  const digest = createHash('sha256').update(wanted).digest('hex').slice(0, 12)
  const cache = join(cacheHome(process.env), kind)
  const folder = join(cache, `${name}-${digest}`)
  if (await exists(join(folder, 'done'))) return folder
  await mkdir(cache, { recursive: true })
  await using _lock = await lock(`${folder}.lock`)
  if (await exists(join(folder, 'done'))) return folder
  process.stderr.write(`Installing ${name} once, for this and all later runs\n`)
  await rm(folder, { recursive: true, force: true })
  await fill(folder)
  // A set-up that was cut off has everything but this.
  await writeFile(join(folder, 'done'), '')
  return folder
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  )
}

import { execFile } from 'node:child_process'
import { chmod, copyFile, mkdir, readFile, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { writeImages, type Image } from '#sandbox/oci-image.ts'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))

/**
 * Writes the server's image called `name` into a file at `path`, without Docker and without a registry: the files that deploy/Dockerfile puts
 * together, here taken from this machine, with the settings that stand in it.
 */
export async function writeServerImage(path: string, name: string): Promise<void> {
  const rootfs = `${path}.rootfs`
  try {
    const node = join(rootfs, 'usr/local/bin/node')
    await mkdir(dirname(node), { recursive: true })
    // The Node that runs this test is the one that package.json pins.
    await copyFile(process.execPath, node)
    for (const library of await librariesOf(process.execPath)) {
      await mkdir(dirname(join(rootfs, library)), { recursive: true })
      await copyFile(library, join(rootfs, library))
    }
    await run(process.execPath, [join(root, 'scripts/build.mjs'), join(rootfs, 'lifeboat.mjs')])
    await mkdir(join(rootfs, 'scratch'))
    // All files of our images belong to root; in the Dockerfile's it is the user's own.
    await chmod(join(rootfs, 'scratch'), 0o1777)
    const settings = settingsIn(await readFile(join(root, 'deploy/Dockerfile'), 'utf8'))
    await writeImages(path, { rootfs, images: [{ name, ...settings }] })
  } finally {
    await rm(rootfs, { recursive: true, force: true })
  }
}

async function librariesOf(program: string): Promise<string[]> {
  const { stdout } = await run('ldd', [program])
  return [...stdout.matchAll(/(\/\S+)/g)].map(([path]) => path)
}

/** What the last stage of a Dockerfile says about how its containers run. */
export function settingsIn(dockerfile: string): Omit<Image, 'name'> {
  const stage = dockerfile.slice(dockerfile.lastIndexOf('\nFROM '))
  const value = (word: string) => {
    const found = new RegExp(`^${word} (.*)$`, 'm').exec(stage)?.[1]
    if (found === undefined) throw new Error(`the Dockerfile has no ${word} in its last stage`)
    return found
  }
  const variables = value('ENV')
    .split(' ')
    .map((pair) => pair.split('='))
  return {
    entrypoint: JSON.parse(value('ENTRYPOINT')) as string[],
    command: JSON.parse(value('CMD')) as string[],
    env: Object.fromEntries(variables) as Record<string, string>,
    user: value('USER'),
  }
}

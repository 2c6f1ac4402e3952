import { execFile } from 'node:child_process'
import { mkdir, open, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const poolBytes = 8 * 1024 ** 3

/** Where the bytes of volumes and snapshots are. */
export interface Pool {
  /** How copies are made: at once and consistent, or file by file. */
  kind: 'btrfs' | 'copies'
  pathOf(id: string): string
  create(id: string): Promise<void>
  /** Makes `id` as `from` is now. */
  copy(from: string, id: string): Promise<void>
  /** Does nothing when there is no such volume or snapshot. */
  remove(id: string): Promise<void>
}

/**
 * A pool below `directory`: a btrfs in a sparse file, mounted by a loop device, whose subvolumes are volumes and snapshots; where the
 * kernel has none, folders that are copied. `tools` is the folder of Debian's btrfs-progs.
 */
export async function openPool(directory: string, tools: string): Promise<Pool> {
  const mounted = join(directory, 'pool')
  await mkdir(mounted, { recursive: true })
  const env = {
    PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
    LD_LIBRARY_PATH: ['lib', 'usr/lib'].map((folder) => join(tools, folder, triplet())).join(':'),
  }
  const btrfs = (...args: string[]) => run(join(tools, 'bin/btrfs'), args, { env })
  const pathOf = (id: string) => join(mounted, id)
  try {
    const file = join(directory, 'pool.img')
    await using image = await open(file, 'w')
    await image.truncate(poolBytes)
    await run(join(tools, 'sbin/mkfs.btrfs'), ['--quiet', file], { env })
    await run('mount', ['-t', 'btrfs', '-o', 'loop', file, mounted], { env })
  } catch (error) {
    process.stderr.write(`no btrfs here, volumes are copied: ${String(error)}\n`)
    return copies(pathOf)
  }
  return {
    kind: 'btrfs',
    pathOf,
    create: async (id) => {
      if (!(await exists(pathOf(id)))) await btrfs('subvolume', 'create', pathOf(id))
    },
    copy: async (from, id) => {
      if (!(await exists(pathOf(id)))) await btrfs('subvolume', 'snapshot', pathOf(from), pathOf(id))
    },
    remove: async (id) => {
      if (await exists(pathOf(id))) await btrfs('subvolume', 'delete', pathOf(id))
    },
  }
}

function copies(pathOf: (id: string) => string): Pool {
  return {
    kind: 'copies',
    pathOf,
    create: async (id) => {
      await mkdir(pathOf(id), { recursive: true })
    },
    copy: async (from, id) => {
      if (await exists(pathOf(id))) return
      const draft = pathOf(`${id}.new`)
      await rm(draft, { recursive: true, force: true })
      await run('cp', ['--archive', '--reflink=auto', pathOf(from), draft])
      await run('mv', [draft, pathOf(id)])
    },
    remove: (id) => rm(pathOf(id), { recursive: true, force: true }),
  }
}

function triplet(): string {
  return process.arch === 'x64' ? 'x86_64-linux-gnu' : 'aarch64-linux-gnu'
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined
}

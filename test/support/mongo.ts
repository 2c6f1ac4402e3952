// A real MongoDB for pods of the node sandbox: its server from PyPI, its shell from npm, shown to the pod from the cache of this machine.
import { execFile } from 'node:child_process'
import { chmod, copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { cachedFolder } from './cached-folder.ts'
import { pythonWith } from './python.ts'

const run = promisify(execFile)

/** What a pod needs for `mongod` and `mongosh` to be found by a shell in its container. */
export interface MongoParts {
  readonly volumes: readonly object[]
  readonly mounts: readonly object[]
  readonly path: string
}

/** Gets the programs, once. Their libraries are those of the machine, on which the node runs. */
export async function mongoParts(): Promise<MongoParts> {
  const folders: Record<string, string> = {
    '/mongo/server': await serverFolder(),
    '/mongo/shell': await shellFolder(),
    '/mongo/node': dirname(process.execPath),
    '/lib': '/lib',
    '/lib64': '/lib64',
  }
  const named = Object.entries(folders).map(([mountPath, path], index) => ({ name: `part-${index}`, mountPath, path }))
  return {
    volumes: named.map(({ name, path }) => ({ name, hostPath: { path, type: 'Directory' } })),
    mounts: named.map(({ name, mountPath }) => ({ name, mountPath, readOnly: true })),
    path: '/mongo/server:/mongo/shell/bin:/bin',
  }
}

async function serverFolder(): Promise<string> {
  const libraries = join(await pythonWith('mongodb'), 'lib')
  const [python = ''] = await readdir(libraries)
  const folder = join(libraries, python, 'site-packages', 'fiftyone', 'db', 'bin')
  const server = join(folder, 'mongod')
  await chmod(server, 0o755)
  await run(server, ['--version']).catch((cause: unknown) => {
    const needs = 'OpenSSL 3 and libcurl (on Debian: apt-get install libssl3 libcurl4)'
    throw new Error(`tests with MongoDB need Linux on x86-64, ${needs}: ${(cause as Error).message}`, { cause })
  })
  return folder
}

async function shellFolder(): Promise<string> {
  const tools = fileURLToPath(new URL('../../tools/mongosh/', import.meta.url))
  const wanted = await readFile(join(tools, 'package-lock.json'))
  return await cachedFolder({ kind: 'npm', name: 'mongosh', wanted }, async (folder) => {
    await mkdir(join(folder, 'bin'), { recursive: true })
    for (const file of ['package.json', 'package-lock.json']) await copyFile(join(tools, file), join(folder, file))
    const ci = ['ci', '--omit=optional', '--ignore-scripts', '--no-audit', '--no-fund']
    await run('npm', ci, { cwd: folder })
    const script = '#!/bin/sh\nexec /mongo/node/node /mongo/shell/node_modules/mongosh/bin/mongosh.js "$@"\n'
    await writeFile(join(folder, 'bin', 'mongosh'), script, { mode: 0o755 })
  })
}

import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Installs the dependencies of the tree at `root` if they are missing or not those of package-lock.json; `run` starts a program. */
export async function setUp(root, run) {
  const reason = await reasonToInstall(root)
  if (reason === undefined) return
  process.stderr.write(`Installing dependencies (${reason}) …\n`)
  // Not `npm ci`: that refuses the whole lock file when a registry lacks the optional parts for some other platform. What was
  // installed is compared with the lock file instead.
  const code = await run('npm', ['install', '--no-save', '--no-fund', '--no-audit'])
  if (code !== 0) throw new Error(`the dependencies could not be installed: npm install ended with ${code}`)
  const left = await reasonToInstall(root)
  if (left !== undefined) throw new Error(`npm install went through, but ${left}`)
}

async function reasonToInstall(root) {
  const modules = join(root, 'node_modules')
  if (!existsSync(modules)) return 'there are none yet'
  // npm keeps a record of what it installed, in the format of the lock file.
  const installed = await packagesIn(join(modules, '.package-lock.json'))
  if (installed === undefined) return 'npm left no record of what is installed'
  const wanted = (await packagesIn(join(root, 'package-lock.json'))) ?? {}
  for (const [path, { version, optional }] of Object.entries(wanted)) {
    // The root itself, and packages for other platforms.
    if (path === '' || (optional && installed[path] === undefined)) continue
    const name = path.replace(/^.*node_modules\//, '')
    if (installed[path]?.version !== version) return `${name} is not ${version}`
    // The record may have been written for another copy of the folder, when both are links to one file.
    if (!existsSync(join(root, path))) return `${name} is missing`
  }
  if (!existsSync(join(modules, '.bin', 'node'))) return 'the pinned Node is missing'
  return undefined
}

async function packagesIn(file) {
  try {
    return JSON.parse(await readFile(file, 'utf8')).packages
  } catch (error) {
    if (error.code === 'ENOENT') return undefined
    throw error
  }
}

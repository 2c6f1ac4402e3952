// Every command of Velero's client, and every flag of it, in our command line.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { commands } from '#cli/commands.ts'
import { ensureAsset } from '#sandbox/assets.ts'
import { plainProgress } from '../support/plain-progress.ts'

const run = promisify(execFile)
const velero = await ensureAsset('velero', { env: process.env, progress: plainProgress() })

/** The commands below `path` with their flags, as the client's own help tells. */
async function tree(path: readonly string[] = []): Promise<Map<string, string[]>> {
  const { stdout } = await run(velero, [...path, '--help'], { env: { HOME: '/nonexistent', PATH: '/bin' } })
  const groups = /Available Commands:\n((?: {2}.*\n)+)/.exec(stdout)?.[1]
  if (groups === undefined) {
    const flags = [...stdout.matchAll(/^ +(?:-\w, )?--([a-zA-Z_-]+)/gm)].map(([, name = '']) => name)
    return new Map([[path.join(' '), flags]])
  }
  const below = new Map<string, string[]>()
  for (const [, word = ''] of groups.matchAll(/^ {2}(\S+)/gm)) {
    if (word === 'help') continue
    for (const [name, flags] of await tree([...path, word])) below.set(name, flags)
  }
  return below
}

test("every command of velero's client is one of ours, and takes its flags", async () => {
  const theirs = await tree()
  assert.ok(theirs.size > 50)
  const ours = new Map(
    commands.flatMap(({ path, also = [], flags }) => [path, ...also].map((words) => [words.join(' '), flags] as const)),
  )
  const missing: string[] = []
  for (const [words, names] of theirs) {
    const flags = ours.get(words)
    if (flags === undefined) missing.push(words)
    else
      for (const name of names) if (name !== 'help' && !Object.hasOwn(flags, name)) missing.push(`${words} --${name}`)
  }
  assert.deepEqual(missing, [])
})

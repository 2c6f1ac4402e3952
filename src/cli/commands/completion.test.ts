import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { Writable } from 'node:stream'
import { test } from 'node:test'
import type { CliContext } from '../context.ts'
import { commands } from '../commands.ts'

async function script(shell: string): Promise<string> {
  let said = ''
  const stdout = new Writable({
    write(text, _encoding, done) {
      said += text
      done()
    },
  })
  const completion = commands.find(({ path }) => path[0] === 'completion') ?? assert.fail()
  await completion.run({ args: [shell], flags: {}, context: { stdout } as unknown as CliContext })
  return said
}

/** What bash offers for the last of `words`. */
async function offered(...words: string[]): Promise<string[]> {
  const ask = `COMP_WORDS=(lifeboat "$@"); COMP_CWORD=$#; _lifeboat; printf '%s\\n' "\${COMPREPLY[@]}"`
  const text = execFileSync('bash', ['-c', `${await script('bash')}\n${ask}`, 'bash', ...words], { encoding: 'utf8' })
  return text.split('\n').filter((word) => word !== '')
}

test('bash completes commands, sub-commands and flags, also behind names and flags; what is hidden is not offered', async () => {
  assert.deepEqual(await offered('backup-l'), ['backup-location'])
  assert.ok((await offered('')).includes('restore'))
  assert.deepEqual(await offered('backup', 'de'), ['describe', 'delete'])
  assert.deepEqual(await offered('backup', 'create', 'nightly', '--include-n'), [
    '--include-namespaces',
    '--include-namespace-scoped-resources',
  ])
  assert.deepEqual(await offered('backup', 'create', '--wait', '--ttl'), ['--ttl'])
  assert.deepEqual(await offered('plugin', ''), ['get'])
  assert.deepEqual(await offered('server', '--uploader'), [])
  assert.deepEqual(await offered('nonsense', ''), await offered(''))
})

test('the scripts of the other shells name every command too', async () => {
  const [zsh, fish] = [await script('zsh'), await script('fish')]
  assert.match(zsh, /^#compdef lifeboat kubectl-lifeboat$/m)
  for (const { path, hidden } of commands) {
    if (hidden === true || path[0] === 'completion') continue
    const [last, before] = [path.at(-1) ?? '', path.slice(0, -1).join(' ')]
    assert.ok(zsh.includes(last), last)
    assert.match(fish, new RegExp(`__lifeboat_at '${before}'" -f -a ${last}$`, 'm'))
  }
})

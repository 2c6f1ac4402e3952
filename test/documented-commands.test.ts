// Whatever the documents tell a reader to type exists: commands, their flags, and the values of these.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { glob, readFile } from 'node:fs/promises'
import { Writable } from 'node:stream'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { commands } from '#cli/commands.ts'
import type { CliContext } from '#cli/context.ts'
import { readCommandLine } from '#cli/program.ts'
import { guideBlocks, guides } from './support/guide.ts'
import { printingCommands } from './support/printing-commands.ts'
import { fencedBlocks, inlineCode, shellCommands, type SimpleCommand } from './support/shell-commands.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const documents = ['README.md', 'CONTRIBUTING.md', 'docs/*.md', 'docs/changes/**/*.md', 'bench/*.md']

interface Documented {
  readonly where: string
  readonly words: SimpleCommand
}

/** What the documents say to type, with its place. */
async function documented(): Promise<Documented[]> {
  const found: Documented[] = []
  for await (const file of glob(documents, { cwd: root })) {
    const markdown = await readFile(`${root}/${file}`, 'utf8')
    for (const { info, text, line } of fencedBlocks(markdown)) {
      if (info[0] !== 'sh') continue
      for (const words of shellCommands(text)) found.push({ where: `${file}, block at line ${line}`, words })
    }
    // In running text a command may be shortened; what is left out is shown as such.
    for (const code of inlineCode(markdown).filter(
      (code) => /^lifeboat \S/.test(code) && !/[…|[]|\bCOMMAND\b/.test(code),
    ))
      for (const words of shellCommands(code)) found.push({ where: file, words })
  }
  return found
}

/** Why `lifeboat WORDS` would not be understood; undefined when it would. */
function misunderstanding(words: readonly string[]): string | undefined {
  let said = ''
  const stream = new Writable({
    write(text, _encoding, done) {
      said += text
      done()
    },
  })
  const context: CliContext = {
    version: '0',
    env: {},
    home: '/nowhere',
    cwd: '/',
    clientConfig: {},
    stdout: stream,
    stderr: stream,
    terminal: { stdin: false, stdout: false, stderr: false },
    now: () => new Date(),
    signal: AbortSignal.abort(),
    ask: () => Promise.resolve(''),
  }
  try {
    return readCommandLine(words, context) === undefined ? 'names no command' : undefined
  } catch (error) {
    return said || (error as Error).message
  }
}

test('every `lifeboat` command in the documents is understood', async () => {
  const all = (await documented()).filter(({ words }) => words[0] === 'lifeboat' || words[1] === 'lifeboat')
  assert.ok(all.length > 30, `only ${all.length} found`)
  const wrong = all.flatMap(({ where, words }) => {
    const why = misunderstanding(words.slice(words.indexOf('lifeboat') + 1))
    return why === undefined ? [] : [`${where}: ${words.join(' ')}: ${why}`]
  })
  assert.deepEqual(wrong, [])
})

test('a wrong command, a wrong flag and a wrong value would be found', () => {
  assert.match(misunderstanding(['backup', 'created']) ?? '', /unknown command/)
  assert.match(misunderstanding(['backup', 'create', 'a', '--until', 'b']) ?? '', /unknown option/)
  assert.match(misunderstanding(['backup', 'create', 'a', '--ttl', 'b']) ?? '', /is no duration/)
})

test('every example in the help is understood', () => {
  for (const { path, examples = [] } of commands)
    for (const example of examples)
      for (const [program, ...words] of shellCommands(example)) {
        if (program !== 'lifeboat') continue
        assert.equal(misunderstanding(words), undefined, `${path.join(' ')}: ${example}`)
      }
})

test('every npm script that the documents name exists', async () => {
  const { scripts } = JSON.parse(await readFile(`${root}/package.json`, 'utf8')) as { scripts: object }
  const named = (await documented()).flatMap(({ words: [program, verb = '', script = ''] }) =>
    program !== 'npm' ? [] : verb === 'run' ? [script] : ['start', 'test'].includes(verb) ? [verb] : [],
  )
  assert.ok(named.length > 5)
  for (const script of named) assert.ok(Object.hasOwn(scripts, script), script)
})

test('the table of the README names every command, and none that there is not', async () => {
  const readme = await readFile(`${root}/README.md`, 'utf8')
  const cells = [...readme.matchAll(/^\| (`[^|]*(?:\\\|[^|]*)*) \|/gm)].map(([, cell = '']) => cell)
  const named = cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)]).flatMap(([, code = '']) => expanded(code))
  const paths = commands.filter(({ hidden }) => hidden !== true).map(({ path }) => path.join(' '))
  assert.deepEqual(named.toSorted(), paths.toSorted())
})

test('every command that prints objects is tried with -o json and -o yaml, and every get, describe and status prints objects', () => {
  const tried = printingCommands({ shop: '', backup: '', restore: '', schedule: '' })
  for (const { path, flags, hidden } of commands) {
    const words = path.join(' ')
    const prints = flags['output']?.choices?.includes('json') === true
    assert.equal(Object.hasOwn(tried, words), prints, `${words} in test/support/printing-commands.ts`)
    const lists = ['get', 'describe', 'status'].includes(path.at(-1) ?? '') && path[0] !== 'client' && hidden !== true
    assert.ok(prints || !lists, `${words} has no -o json`)
  }
})

/** What only a reader has. `export` sets what is theirs. */
const readersOwn = new Set(['aws', 'eksctl', 'kind', 'docker', 'npm', 'export'])

test('every block of shell in the guides is run (test/e2e), unless it takes what only a reader has; that is shell all the same', async () => {
  for (const guide of guides) {
    const blocks = (await guideBlocks(guide)).filter(({ info }) => info[0] === 'sh')
    assert.ok((await guideBlocks(guide, 'runs')).length > 3)
    for (const { info, text, line } of blocks) {
      execFileSync('bash', ['-n', '-c', text])
      const isReaders = shellCommands(text).some(([program = '']) => readersOwn.has(program))
      assert.equal(info[1] === 'runs', !isReaders, `docs/${guide}.md, block at line ${line}`)
    }
  }
})

/** `backup get\|describe` as the commands that it stands for. */
function expanded(code: string): string[] {
  const words = code.split(' ')
  const last = words.pop() ?? ''
  // The shells of `completion` are arguments.
  if (words[0] === 'completion') return ['completion']
  return last.split('\\|').map((word) => [...words, word].join(' '))
}

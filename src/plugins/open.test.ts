import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { PluginProblem } from './error.ts'
import { openPlugins } from './open.ts'
import { executing, failure, folder, plugin } from './test-modules.ts'

suite('a module that is no plug-in', () => {
  async function refused(source: string, problem: PluginProblem, limits = {}): Promise<string> {
    await using files = await folder({ 'one.mjs': source })
    return await failure(openPlugins(['./one.mjs'], { baseDir: files.path, limits }), problem)
  }

  test('is refused when it is not there', async () => {
    await using files = await folder({})
    const open = (name: string): Promise<unknown> => openPlugins([name], { baseDir: files.path })
    assert.match(await failure(open('./none.mjs'), 'not-found'), /plug-in \.\/none\.mjs .*there is no file/)
    assert.match(await failure(open('not-installed'), 'not-found'), /installed in/)
  })

  test('is refused when it cannot be loaded', async () => {
    assert.match(await refused('this is no JavaScript', 'cannot-load'), /plug-in \.\/one\.mjs cannot be loaded/)
    assert.match(await refused(`throw new Error('no licence')`, 'cannot-load'), /no licence/)
    assert.match(await refused('process.exit(7)', 'cannot-load'), /exit code 7/)
    assert.match(await refused('await new Promise(() => {})', 'cannot-load', { loadMillis: 300 }), /no answer/)
    assert.match(await refused('for (;;);', 'cannot-load', { loadMillis: 300 }), /no answer/)
  })

  test('is refused when it exports something else', async () => {
    assert.match(await refused('export const name = 1', 'invalid'), /no default export/)
    assert.match(await refused('export default 5', 'invalid'), /is no plug-in/)
    assert.match(await refused('export default {}', 'invalid'), /no actions/)
    assert.match(await refused('export default { backupItemAction: [] }', 'invalid'), /backupItemAction"/)
    assert.match(await refused('export default { backupItemActions: 5 }', 'invalid'), /backupItemActions: .*array/)
    assert.match(await refused(plugin(`{ name: 'plain', execute() {} }`), 'invalid'), /example\.com\/name/)
    assert.match(await refused(plugin(`{ name: 'example.com/x' }`), 'invalid'), /no function execute/)
    const selector = plugin(`{ name: 'a.io/x', appliesTo: { labelSelector: 'a >' }, execute() {} }`)
    assert.match(await refused(selector, 'invalid'), /label selector/)
    const misspelt = plugin(`{ name: 'a.io/x', appliesTo: { includeNamespaces: ['a'] }, execute() {} }`)
    assert.match(await refused(misspelt, 'invalid'), /includeNamespaces/)
  })

  test('is refused when it has an action of the same name as another', async () => {
    await using files = await folder({ 'a.mjs': executing(''), 'b.mjs': executing('') })
    const message = await failure(openPlugins(['a.mjs', 'b.mjs'], { baseDir: files.path }), 'invalid')
    assert.match(message, /a\.mjs and b\.mjs both have an action example\.com\/one/)
  })
})

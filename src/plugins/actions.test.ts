import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { startBackupActions } from './actions.ts'
import type { PluginProblem } from './error.ts'
import { openPlugins, type PluginLimits } from './open.ts'
import type { PluginObject } from './plugin.ts'
import { context, execute, executing, failure, folder, item, only, plugin, types, withModule } from './test-modules.ts'

suite('a plug-in that works', () => {
  test('changes items, names others and starts operations; what it is told is the backup', async () => {
    const source = executing(`
      return {
        item: { ...item, data: { backup: backup.metadata.name } },
        additionalItems: [{ resource: 'secrets', namespace: 'shop', name: 'token' }],
        mustIncludeAdditionalItems: true,
        operation: { id: 'op-1', postOperationItems: [{ group: 'apps', resource: 'deployments', name: 'web' }] },
      }`)
    await withModule(source, async (actions) => {
      const decision = await execute(actions, 'prices')
      assert.deepEqual(decision.item?.['data'], { backup: 'nightly' })
      assert.deepEqual(decision.additionalItems, [{ group: '', resource: 'secrets', namespace: 'shop', name: 'token' }])
      assert.equal(decision.mustInclude, true)
      assert.deepEqual(decision.operation, {
        id: 'op-1',
        postOperationItems: [{ group: 'apps', resource: 'deployments', namespace: '', name: 'web' }],
      })
    })
  })

  test('that returns nothing leaves the item as it is', async () => {
    await withModule(executing(''), async (actions) => {
      const decision = await execute(actions, 'prices')
      assert.deepEqual([decision.item, decision.skip, decision.operation], [undefined, false, undefined])
    })
  })

  test('may be TypeScript, a list, or a package beside the configuration that only knows import', async () => {
    await using files = await folder({
      'typed.ts': `const name: string = 'example.com/typed'; ${plugin('{ name, execute() {} }')}`,
      'node_modules/packed/package.json': '{"name":"packed","type":"module","exports":{"import":"./main.js"}}',
      'node_modules/packed/main.js': plugin(
        `{ name: 'example.com/a', execute() {} }, { name: 'example.com/b', execute() {} }`,
      ),
    })
    const modules = await openPlugins(['typed.ts', 'packed'], { baseDir: files.path })
    const names = modules.flatMap(({ actions }) => actions.backupItemActions.map(({ name }) => name))
    assert.deepEqual(names, ['example.com/typed', 'example.com/a', 'example.com/b'])
  })

  test('does not change numbers that a double cannot hold', async () => {
    await withModule(executing('return { item: { ...item, seen: true } }'), async (actions) => {
      const of = item('big')
      const object = {
        ...of.object,
        size: (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON('9007199254740993'),
      }
      const decision = await only(actions, of).execute(object as PluginObject, context)
      assert.match(JSON.stringify(decision.item), /"size":9007199254740993/)
    })
  })

  test('may send messages of its own: nobody takes them for answers', async () => {
    const body = `
      const { parentPort } = process.getBuiltinModule('node:worker_threads')
      for (const message of [{ hello: 1 }, 'hello', '5', '{"value":{"skip":true}}']) parentPort.postMessage(message)
      return { operation: { id: item.metadata.name } }`
    await withModule(executing(body), async (actions) => {
      for (const name of ['a', 'b']) assert.equal((await execute(actions, name)).operation?.id, name)
    })
  })

  test('is heard when it prints', async () => {
    await withModule(executing(`console.log('about', item.metadata.name)`), async (actions, output) => {
      await execute(actions, 'prices')
      await execute(actions, 'stock')
      await actions[Symbol.asyncDispose]()
      assert.deepEqual(output, ['about prices', 'about stock'])
    })
  })

  test('tells of progress and can be cancelled', async () => {
    const source = `
      let cancelled = []
      const action = {
        name: 'example.com/one', execute() {},
        progress: (id) => ({ completed: cancelled.includes(id), nCompleted: 1, nTotal: 2, units: 'Bytes', updated: null }),
        cancel(id) { cancelled.push(id) },
      }
      ${plugin('action')}`
    await withModule(source, async (actions) => {
      const action = only(actions, item('any'))
      const expected = { completed: false, nCompleted: 1, nTotal: 2, units: 'Bytes' }
      assert.deepEqual(await action.progress('op-1', context), expected)
      await action.cancel('op-1', context)
      assert.equal((await action.progress('op-1', context)).completed, true)
    })
  })
})

suite('a plug-in that fails costs its item and nothing else', () => {
  /** `bad` meets the fault, the items before and after it do not. */
  async function isolated(body: string, problem: PluginProblem, limits: Partial<PluginLimits> = {}): Promise<string> {
    let message = ''
    const source = executing(`if (item.metadata.name === 'bad') { ${body} } return { skip: true }`)
    await withModule(
      source,
      async (actions) => {
        assert.equal((await execute(actions, 'before')).skip, true)
        message = await failure(execute(actions, 'bad'), problem)
        assert.equal((await execute(actions, 'after')).skip, true)
      },
      limits,
    )
    assert.match(message, /^plug-in action example\.com\/one: /)
    return message
  }

  test('when it throws', async () => {
    assert.match(await isolated(`throw new Error('no such vault')`, 'failed'), /no such vault/)
    await isolated(`throw null`, 'failed')
  })

  test('when it never answers', async () => {
    assert.match(await isolated('await new Promise(() => {})', 'timeout', { callMillis: 400 }), /within 0\.4 s/)
  })

  test('when it loops for ever', async () => {
    await isolated('for (;;);', 'timeout', { callMillis: 400 })
  })

  test('when it ends its process', async () => {
    assert.match(await isolated('process.exit(3)', 'crashed'), /exit code 3/)
  })

  test('when it throws where nobody catches', async () => {
    const body = `setTimeout(() => { throw new Error('later') }); await new Promise(() => {})`
    assert.match(await isolated(body, 'crashed'), /later/)
  })

  test('when it takes all memory', async () => {
    const body = 'const kept = []; for (;;) kept.push(new Array(10000).fill(kept.length))'
    assert.match(await isolated(body, 'crashed', { heapMegabytes: 32, callMillis: 60_000 }), /more memory/)
  })

  test('when its answer makes no sense', async () => {
    await isolated('return 5', 'bad-answer')
    await isolated(`return { itme: item }`, 'bad-answer')
    await isolated(`return { item: 'all of it' }`, 'bad-answer')
    await isolated(`return { additionalItems: [{ name: 'x' }] }`, 'bad-answer')
    await isolated(`return { operation: { id: '' } }`, 'bad-answer')
    await isolated(`const round = {}; round.round = round; return round`, 'failed')
  })

  test('when it starts an operation whose progress nobody can ask for', async () => {
    const source = plugin(`{ name: 'example.com/one', execute: () => ({ operation: { id: 'op-1' } }) }`)
    await withModule(source, async (actions) => {
      assert.match(await failure(execute(actions, 'bad'), 'bad-answer'), /has no function progress/)
    })
  })

  test('when it makes the item another one', async () => {
    for (const [field, value] of Object.entries({ name: 'good', namespace: 'elsewhere' })) {
      const body = `return { item: { ...item, metadata: { ...item.metadata, ${field}: '${value}' } } }`
      assert.match(await isolated(body, 'bad-answer'), new RegExp(`changed metadata.${field} from .* to ${value}`))
    }
    assert.match(await isolated(`return { item: { ...item, kind: 'Secret' } }`, 'bad-answer'), /changed kind/)
  })

  test('but is not started again for ever', async () => {
    await withModule(
      executing('process.exit(0)'),
      async (actions) => {
        for (let n = 0; n < 3; n += 1) await failure(execute(actions, 'bad'), 'crashed')
        assert.match(await failure(execute(actions, 'bad'), 'given-up'), /started 3 times/)
      },
      { restarts: 2 },
    )
  })

  test('and an end of the run ends a call that hangs', async () => {
    await using files = await folder({ 'one.mjs': executing('for (;;);') })
    const modules = await openPlugins(['one.mjs'], { baseDir: files.path })
    const stop = new AbortController()
    await using actions = startBackupActions(modules, { types, signal: stop.signal })
    const call = execute(actions, 'bad')
    setTimeout(() => stop.abort(new Error('enough')), 200)
    await assert.rejects(call, /enough/)
  })
})

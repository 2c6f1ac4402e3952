import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startRestoreActions, type RestoreAction } from './actions.ts'
import { openPlugins } from './open.ts'
import type { PluginObject, RestoreExecuteContext } from './plugin.ts'
import { failure, folder, item, types } from './test-modules.ts'

const prices = item('prices').object as PluginObject
const context: RestoreExecuteContext = {
  restore: { apiVersion: 'velero.io/v1', kind: 'Restore', metadata: { name: 'back' }, spec: {} },
  itemFromBackup: { ...prices, data: { from: 'backup' } },
}

/** Runs `work` with a restore item action that has these functions. */
async function withAction(functions: string, work: (action: RestoreAction) => Promise<void>): Promise<void> {
  const source = `export default { restoreItemActions: [{ name: 'example.com/one', ${functions} }] }`
  await using files = await folder({ 'one.mjs': source })
  const modules = await openPlugins(['one.mjs'], { baseDir: files.path })
  await using actions = startRestoreActions(modules, { types })
  await work(actions.of(item('prices'))[0]!)
}

test('a restore action sees the item, the item of the backup and the restore, and may give it another version', async () => {
  const body = `execute: (item, { restore, itemFromBackup }) => ({
    item: { ...item, apiVersion: 'v2', data: { ...itemFromBackup.data, restore: restore.metadata.name } },
    additionalItems: [{ resource: 'secrets', namespace: 'shop', name: 'token' }],
    waitForAdditionalItems: true, additionalItemsTimeoutSeconds: 2, operation: { id: 'op-1' } }), progress() {}`
  await withAction(body, async (action) => {
    const decision = await action.execute(prices, context)
    assert.equal(decision.item?.apiVersion, 'v2')
    assert.deepEqual(decision.item?.['data'], { from: 'backup', restore: 'back' })
    assert.deepEqual(decision.additionalItems, [{ group: '', resource: 'secrets', namespace: 'shop', name: 'token' }])
    assert.deepEqual([decision.wait, decision.operation], [{ timeoutMillis: 2000 }, { id: 'op-1' }])
  })
})

test('a restore action that says nothing leaves the item as it is, and is always ready', async () => {
  await withAction('execute() {}', async (action) => {
    const { item: changed, skip, wait, operation } = await action.execute(prices, context)
    assert.deepEqual([changed, skip, wait, operation], [undefined, false, undefined, undefined])
    assert.equal(await action.areAdditionalItemsReady([], context), true)
  })
})

test('what a restore action answers without meaning is refused', async () => {
  const answers = ['{ mustIncludeAdditionalItems: true }', `{ item: { ...item, kind: 'Secret' } }`, '{ operation: {} }']
  for (const answer of answers) {
    await withAction(`execute: (item) => (${answer})`, async (action) => {
      await failure(action.execute(prices, context), 'bad-answer')
    })
  }
  await withAction(`execute() {}, areAdditionalItemsReady: () => 'soon'`, async (action) => {
    const message = await failure(action.areAdditionalItemsReady([], context), 'bad-answer')
    assert.match(message, /^plug-in action example\.com\/one: .*neither true nor false/)
  })
  await withAction(`execute: () => ({ operation: { id: 'op-1' } })`, async (action) => {
    assert.match(await failure(action.execute(prices, context), 'bad-answer'), /has no function progress/)
  })
})

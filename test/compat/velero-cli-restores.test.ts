// Velero's command line and ours, in front of the same restores and their files.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { comparable, openBothClients, outline } from './beside-velero.ts'
import { furnishWithRestores } from './described-restores.ts'

/** As `comparable`; Velero puts a blank more behind some labels. */
function evenly(text: string): string[] {
  return comparable(text).map((line) => line.replaceAll(/(?<=\S) {2,}/g, '  '))
}

test('velero and lifeboat list and describe restores alike', { timeout: 300_000 }, async (context) => {
  await using clients = await openBothClients(furnishWithRestores)
  const { names, both } = clients

  for (const details of [[], ['--details']]) {
    await context.test(`restore describe ${details.join('')}`, async () => {
      const [ours, theirs] = await both('restore', 'describe', ...names, ...details)
      assert.deepEqual(evenly(ours), evenly(theirs))
    })
  }
  for (const args of [[], ['rich', 'plain'], ['-l', 'example.com/run=yes'], ['-L', 'team', '--show-labels']]) {
    await context.test(`restore get ${args.join(' ')}`, async () => {
      const [ours, theirs] = await both('restore', 'get', ...args)
      assert.deepEqual(evenly(ours), evenly(theirs))
    })
  }
  for (const args of [[], ['rich'], ['-l', 'no=such']]) {
    await context.test(`restore get ${args.join(' ')} -o json`, async () => {
      const [ours, theirs] = await both('restore', 'get', ...args, '-o', 'json')
      assert.deepEqual(outline(ours), outline(theirs))
    })
  }
})

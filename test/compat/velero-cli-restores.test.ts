// Velero's command line and ours, in front of the same restores and their files.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileStore } from '#store/file.ts'
import { cli, scratchFolder } from '../support/cli.ts'
import { sharedCluster, testNamespace } from '../support/cluster.ts'
import { installKinds, makeLocation } from '../support/server.ts'
import { veleroClient } from '../support/velero.ts'
import { answerDownloads, comparable, outline } from './beside-velero.ts'
import type { Showroom } from './described-backups.ts'
import { furnishWithRestores } from './described-restores.ts'

/** As `comparable`; Velero puts a blank more behind some labels. */
function evenly(text: string): string[] {
  return comparable(text).map((line) => line.replaceAll(/(?<=\S) {2,}/g, '  '))
}

test('velero and lifeboat list and describe restores alike', { timeout: 300_000 }, async (context) => {
  const { kube, kubeconfigPath } = await sharedCluster()
  await using _connection = { [Symbol.asyncDispose]: () => kube.close() }
  await using home = await testNamespace(kube)
  await using folder = await scratchFolder()
  const room: Showroom = { kube, namespace: home.name, store: fileStore(`${folder.path}/store`) }
  await installKinds(kube)
  await makeLocation(kube, home.name, { path: `${folder.path}/store` })
  await room.store.check({ write: true })
  const names = (await furnishWithRestores(room)).toSorted()
  await using _downloads = await answerDownloads(room)
  const velero = await veleroClient({ kubeconfigPath, directory: `${folder.path}/velero` })
  const lifeboat = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await cli(args, { env: { KUBECONFIG: kubeconfigPath } })
    assert.equal(code, 0, stderr)
    return stdout
  }
  const both = async (...args: string[]): Promise<[string, string]> => {
    const where = [...args, '--namespace', home.name]
    return await Promise.all([lifeboat(...where), velero(...where)])
  }

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

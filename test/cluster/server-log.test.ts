// The log of the server process, as whoever collects it gets it.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Backups } from '#api/backup.ts'
import { scratchFolder } from '../support/cli.ts'
import { sharedCluster, testNamespace } from '../support/cluster.ts'
import { askForBackup, ended, installKinds, makeLocation, startServer } from '../support/server.ts'

const { kube, kubeconfigPath } = await sharedCluster()
before(() => installKinds(kube))
after(() => kube.close())

test('--log-format and --log-level decide how lines are written, and which', async () => {
  await using home = await testNamespace(kube)
  await using folder = await scratchFolder()
  const namespace = home.name
  await makeLocation(kube, namespace, { path: join(folder.path, 'store') })
  const logged = async (name: string, args: string[]): Promise<string[]> => {
    await using server = startServer({ kubeconfigPath, namespace, args })
    // One that is refused is worth a warning.
    const spec = { includedNamespaces: [namespace], ...(name.startsWith('refused') ? { ttl: '-1h' } : {}) }
    await askForBackup(kube, namespace, { name, spec })
    await ended(kube, Backups, { name, namespace })
    await server.end('SIGTERM')
    return (await server.ended).stdout.split('\n').filter((line) => line !== '')
  }
  const usual = (await logged('one', [])).map((line) => JSON.parse(line) as Record<string, unknown>)
  assert.ok(usual.some(({ level, msg, backup }) => level === 'info' && msg === 'backup ended' && backup === 'one'))
  const text = await logged('two', ['--log-format', 'text'])
  for (const line of text) assert.match(line, /^time=\S+ level=\w+ msg=/)
  assert.ok(text.some((line) => / level=info msg="backup ended" backup=two phase=Completed/.test(line)))
  const warnings = await logged('refused-one', ['--log-format', 'text', '--log-level', 'warning'])
  assert.ok(warnings.some((line) => line.includes('msg="backup refused" backup=refused-one')))
  assert.ok(warnings.every((line) => line.includes(' level=warning ')))
  assert.deepEqual(await logged('refused-two', ['--log-level', 'error']), [])
})

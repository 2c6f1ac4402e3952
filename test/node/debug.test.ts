import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { promisify } from 'node:util'
import { cli, scratchFolder } from '../support/cli.ts'
import { testNamespace } from '../support/cluster.ts'
import { logOf, nodeSandbox, startPod } from '../support/node-sandbox.ts'
import { make, Secrets } from '../support/objects.ts'
import { askForBackup, eventually, installKinds } from '../support/server.ts'

suite('lifeboat debug', async () => {
  const cluster = await nodeSandbox()
  const { kube, kubeconfigPath } = cluster

  test('the file holds custom resources, what runs there and what it wrote, and no Secret; what cannot be had is named in it', async () => {
    await using home = await testNamespace(kube)
    await using folder = await scratchFolder()
    const namespace = home.name
    await installKinds(kube)
    await make(kube, Secrets, { name: 'login', namespace, stringData: { password: 'hunter2' } })
    await askForBackup(kube, namespace, { name: 'waiting', spec: {} })
    const pod = { namespace, name: 'server' }
    await startPod(kube, { ...pod, script: 'echo the server is unwell; sleep 100000' })
    await eventually(async () => (await logOf(cluster, pod)).includes('unwell') || undefined, 60)

    const file = join(folder.path, 'bundle.tar.gz')
    const args = ['debug', '--namespace', namespace, '--backup', 'waiting', '--output', file]
    const { code, stdout, stderr } = await cli(args, { env: { KUBECONFIG: kubeconfigPath } })
    assert.equal(code, 0, stderr)
    assert.match(stdout, /^\d+ files \(.*\) in .*bundle\.tar\.gz$/m)
    await promisify(execFile)('tar', ['-xzf', file, '-C', folder.path])
    const read = (name: string): Promise<string> => readFile(join(folder.path, name), 'utf8')
    assert.deepEqual(await readdir(join(folder.path, 'logs')), ['server-main.log'])
    assert.equal(await read('logs/server-main.log'), 'the server is unwell\n')
    assert.match(await read('objects/backups.velero.io.json'), /"name": "waiting"/)
    assert.match(await read('objects/pods.json'), /the server is unwell/)
    assert.match(await read('backup_describe_waiting.txt'), /^Name: +waiting$/m)
    assert.match(await read('backup_waiting.log'), /its log is there once it has ended/)
    assert.match(await read('version.txt'), /^Server: +not reached \(no server answered/m)
    const { stdout: found } = await promisify(execFile)('grep', ['-rlE', 'hunter2|aHVudGVyMg', folder.path]).catch(
      () => ({ stdout: '' }),
    )
    assert.equal(found, '')
    const again = await cli(args, { env: { KUBECONFIG: kubeconfigPath } })
    assert.match(again.stderr, /cannot write .*bundle\.tar\.gz/)
  })
})

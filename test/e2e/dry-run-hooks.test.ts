// Which hooks would be run where, told by the dry runs of backups and restores.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PreviewedHook } from '#backup/preview-hooks.ts'
import type { PlannedHook } from '#restore/preview-hooks.ts'
import { cli, scratchFolder } from '../support/cli.ts'
import { sharedCluster, testNamespace } from '../support/cluster.ts'
import { make, Pods } from '../support/objects.ts'

test('dry runs tell which commands would be run in which containers, in their order, and run none', async () => {
  const { kube, kubeconfigPath } = await sharedCluster()
  await using _connection = { [Symbol.asyncDispose]: () => kube.close() }
  await using home = await testNamespace(kube)
  await using store = await scratchFolder()
  const namespace = home.name
  const env = { KUBECONFIG: kubeconfigPath, LIFEBOAT_STORE: store.path }
  const said = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await cli(args, { env })
    assert.equal(code, 0, stderr)
    return stdout
  }
  const pod = (name: string, annotations: Record<string, string>, claim?: string): Promise<unknown> => {
    const containers = ['main', 'helper'].map((one) => ({ name: one, image: 'busybox' }))
    const volumes = claim === undefined ? [] : [{ name: 'data', persistentVolumeClaim: { claimName: claim } }]
    return make(kube, Pods, { name, namespace, metadata: { annotations }, spec: { containers, volumes } })
  }
  await pod('web', {
    'init.hook.restore.velero.io/container-name': 'fill',
    'init.hook.restore.velero.io/container-image': 'busybox',
    'init.hook.restore.velero.io/command': '["/bin/fill"]',
    'post.hook.restore.velero.io/container': 'helper',
    'post.hook.restore.velero.io/command': '["/bin/warm", "the cache"]',
  })
  await said('backup', 'create', 'monday', '--include-namespaces', namespace)
  const mapped = ['--namespace-mappings', `${namespace}:${namespace}-new`]
  const restore = ['restore', 'create', 'again', '--from-backup', 'monday', '--dry-run', ...mapped]
  const { hooks: planned } = JSON.parse(await said(...restore, '-o', 'json')) as { hooks: PlannedHook[] }
  const there = { namespace: `${namespace}-new`, name: 'web' }
  assert.deepEqual(planned, [
    { pod: there, order: 1, how: 'init', container: 'fill', command: ['/bin/fill'] },
    {
      pod: there,
      order: 2,
      how: 'exec',
      container: 'helper',
      command: ['/bin/warm', 'the cache'],
      onError: 'Continue',
    },
  ])
  const table = await said(...restore)
  assert.match(
    table,
    /^HOOK +POD +CONTAINER +COMMAND\ninit +\S+-new\/web +fill +\/bin\/fill\nexec +\S+-new\/web +helper +/m,
  )
  assert.match(table, /\/bin\/warm "the cache"$/m)
  assert.match(await said(...restore, '-o', 'yaml'), /^hooks:\n +- pod:/m)

  const froze = (what: string): Record<string, string> => ({
    'pre.hook.backup.velero.io/command': `["/bin/freeze", "${what}"]`,
    'post.hook.backup.velero.io/command': `["/bin/thaw", "${what}"]`,
  })
  await pod('a', froze('a'), 'shared')
  await pod('b', { ...froze('b'), 'pre.hook.backup.velero.io/container': 'none' }, 'shared')
  await pod('c', froze('c'), 'own')
  const backup = ['backup', 'create', 'dry', '--dry-run', '--include-namespaces', namespace]
  const { hooks } = JSON.parse(await said(...backup, '-o', 'json')) as { hooks: PreviewedHook[] }
  assert.deepEqual(
    hooks.map(({ group, order, when, pod, container, command }) =>
      [group, order, when, pod.name, container, ...command].join(' '),
    ),
    [
      '1 1 pre a main /bin/freeze a',
      '1 2 pre b none /bin/freeze b',
      '1 3 post a main /bin/thaw a',
      '1 4 post b main /bin/thaw b',
      '2 1 pre c main /bin/freeze c',
      '2 2 post c main /bin/thaw c',
    ],
  )
  assert.deepEqual(hooks[1]?.problem, 'the pod has no container none; it has main, helper')
  const shown = await said(...backup)
  assert.match(shown, /^HOOK +GROUP +POD +CONTAINER +COMMAND\npre +1 +\S+\/a +main +\/bin\/freeze a$/m)
  assert.match(shown, /^pre +1 +\S+\/b +none +fails: the pod has no container none/m)
})

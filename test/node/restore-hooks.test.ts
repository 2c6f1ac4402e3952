// Hooks of a restore in pods that really run: init containers before the pod's own, commands once containers are up.
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { RestoreSpec } from '#api/restore.ts'
import { memoryStore } from '#store/memory.ts'
import { bringBack, removeNamespace, type RestoreEnd } from '../cluster/restore-order.ts'
import { backUp } from '../support/backup-run.ts'
import { testNamespace } from '../support/cluster.ts'
import { inPod, nodeSandbox } from '../support/node-sandbox.ts'
import { make, Pods } from '../support/objects.ts'
import { eventually } from '../support/server.ts'

const post = 'post.hook.restore.velero.io/'
const init = 'init.hook.restore.velero.io/'
const shell = (script: string): string => JSON.stringify(['sh', '-c', script])

suite('hooks of a restore on a node', async () => {
  const cluster = await nodeSandbox()
  const { kube } = cluster

  /** Containers of a pod whose files in /work they share; the pod need not run to be backed up. */
  function podOf(containers: readonly object[], initContainers: readonly object[] = []) {
    const work = { volumeMounts: [{ name: 'work', mountPath: '/work' }] }
    const image = { image: 'busybox:1.36', imagePullPolicy: 'IfNotPresent' }
    const each = (list: readonly object[]): object[] => list.map((one) => ({ ...image, ...work, ...one }))
    return {
      terminationGracePeriodSeconds: 0,
      volumes: [{ name: 'work', emptyDir: {} }],
      initContainers: each(initContainers),
      containers: each(containers),
    }
  }
  const sleeping = { name: 'main', command: ['sleep', '100000'] }

  /** Backs up a namespace with these pods, deletes it, and restores it under another name. */
  async function restored(
    pods: Record<string, { annotations?: Record<string, string>; labels?: Record<string, string>; spec: object }>,
    spec: RestoreSpec = {},
  ): Promise<RestoreEnd & { namespace: string; errors: string[] } & AsyncDisposable> {
    const space = await testNamespace(kube)
    const store = memoryStore()
    for (const [name, { annotations = {}, labels = {}, spec: podSpec }] of Object.entries(pods)) {
      await make(kube, Pods, { name, namespace: space.name, metadata: { annotations, labels }, spec: podSpec })
    }
    await backUp({ kube, store, spec: { includedNamespaces: [space.name] } })
    await space[Symbol.asyncDispose]()
    const namespace = `${space.name}-copy`
    const end = await bringBack({ kube, store, spec: { namespaceMapping: { [space.name]: namespace }, ...spec } })
    return {
      ...end,
      namespace,
      errors: Object.values(end.results.errors.namespaces ?? {}).flat(),
      [Symbol.asyncDispose]: () => removeNamespace(kube, namespace),
    }
  }

  test('init containers of annotations and spec come before the pod’s own, and commands are run before the restore ends', async () => {
    const own = { name: 'own', command: ['sh', '-c', 'echo own >>/work/order'] }
    const annotations = {
      [`${init}container-name`]: 'warm-up',
      [`${init}container-image`]: 'busybox:1.36',
      [`${init}command`]: shell('sleep 1'),
      [`${post}command`]: shell('echo restored >>/work/order; echo done'),
      [`${post}wait-timeout`]: '2m',
    }
    const spec = podOf([sleeping], [own])
    const hookImage = { image: 'busybox:1.36', imagePullPolicy: 'IfNotPresent' }
    const warm = { name: 'warm', ...hookImage, command: ['sh', '-c', 'true'] }
    await using end = await restored(
      { annotated: { annotations, spec }, listed: { labels: { app: 'db' }, spec } },
      {
        hooks: {
          resources: [
            {
              name: 'databases',
              labelSelector: { matchLabels: { app: 'db' } },
              postHooks: [
                { init: { initContainers: [warm as object as Record<string, never>] } },
                { exec: { command: ['sh', '-c', 'echo one >>/work/order'], onError: 'Fail' } },
                { exec: { command: ['sh', '-c', 'echo two >>/work/order'], waitForReady: true } },
              ],
            },
            { name: 'elsewhere', includedNamespaces: ['nowhere'], postHooks: [{ exec: { command: ['false'] } }] },
          ],
        },
      },
    )
    assert.deepEqual(end.errors, [])
    assert.equal(end.restore.status?.phase, 'Completed')
    assert.deepEqual(end.restore.status?.hookStatus, { hooksAttempted: 3 })
    const { namespace } = end
    const orderIn = (name: string): Promise<string> => inPod(cluster, { namespace, name }, ['cat', '/work/order'])
    assert.equal(await orderIn('annotated'), 'own\nrestored\n')
    assert.equal(await orderIn('listed'), 'own\none\ntwo\n')
    const initNames = async (name: string): Promise<string[]> => {
      const pod = (await kube.get(Pods, name, { namespace })) as { spec?: { initContainers?: { name: string }[] } }
      return (pod.spec?.initContainers ?? []).map((one) => one.name)
    }
    assert.deepEqual(await initNames('annotated'), ['warm-up', 'own'])
    assert.deepEqual(await initNames('listed'), ['warm', 'own'])
  })

  test('hooks whose container does not come up, is not there, or whose command fails are errors; Fail stops the rest of the pod', async () => {
    const never = { exec: { command: ['true'], waitForReady: true, waitTimeout: '3s' } }
    const unready = {
      ...sleeping,
      readinessProbe: { exec: { command: ['false'] }, periodSeconds: 1 },
    }
    const entry = (name: string, postHooks: object[]) => ({
      name,
      labelSelector: { matchLabels: { hooks: name } },
      postHooks,
    })
    const stops = [
      { exec: { command: ['sh', '-c', 'echo first >>/work/order; exit 7'], onError: 'Fail' } },
      { exec: { command: ['sh', '-c', 'echo second >>/work/order'] } },
    ]
    const goesOn = [
      { exec: { command: ['sh', '-c', 'echo first >>/work/order; exit 8'] } },
      { exec: { command: ['sh', '-c', 'echo second >>/work/order'] } },
    ]
    const absent = [{ exec: { command: ['true'], container: 'side' } }]
    const pods = Object.fromEntries(
      ['never', 'stops', 'goes-on', 'absent'].map((name) => [
        name,
        { labels: { hooks: name }, spec: podOf([name === 'never' ? unready : sleeping]) },
      ]),
    )
    const resources = [
      entry('never', [never]),
      entry('stops', stops),
      entry('goes-on', goesOn),
      entry('absent', absent),
    ]
    await using end = await restored(pods, { hooks: { resources } } as RestoreSpec)
    assert.equal(end.restore.status?.phase, 'PartiallyFailed')
    assert.deepEqual(end.restore.status?.hookStatus, { hooksAttempted: 6, hooksFailed: 5 })
    assert.equal(end.restore.status?.errors, 5)
    const about = (name: string): string[] => end.errors.filter((text) => text.includes(`/${name}:`))
    assert.match(about('never').join(), /its container was not ready within 3 s/)
    assert.match(about('stops').join(), /exit code 7/)
    assert.match(about('stops').join(), /not run/)
    assert.deepEqual(about('goes-on').length, 1)
    assert.match(about('absent').join(), /the pod has no container side; it has main/)
    const { namespace } = end
    assert.equal(await inPod(cluster, { namespace, name: 'stops' }, ['cat', '/work/order']), 'first\n')
    assert.equal(await inPod(cluster, { namespace, name: 'goes-on' }, ['cat', '/work/order']), 'first\nsecond\n')
  })

  test('a hook in a pod that goes away before its container is up is not waited for', async () => {
    const absent = { ...sleeping, image: 'there-is-no-such-image:1', imagePullPolicy: 'Never' }
    const source = await testNamespace(kube)
    const namespace = `${source.name}-copy`
    const metadata = { annotations: { [`${post}command`]: 'true' } }
    await make(kube, Pods, { name: 'goes', namespace: source.name, metadata, spec: podOf([absent]) })
    const store = memoryStore()
    await backUp({ kube, store, spec: { includedNamespaces: [source.name] } })
    await source[Symbol.asyncDispose]()
    const ending = bringBack({ kube, store, spec: { namespaceMapping: { [source.name]: namespace } } })
    await eventually(async () => await kube.find(Pods, 'goes', { namespace }), 120)
    await kube.delete(Pods, 'goes', { namespace, gracePeriodSeconds: 0 })
    const { restore, results } = await ending
    await removeNamespace(kube, namespace)
    assert.deepEqual(restore.status?.hookStatus, { hooksAttempted: 1, hooksFailed: 1 })
    assert.match(
      Object.values(results.errors.namespaces ?? {})
        .flat()
        .join(),
      /not run: the pod is gone/,
    )
  })
})

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { testNamespace } from '../support/cluster.ts'
import { inPod, logOf, nodeSandbox, podReaches, startPod } from '../support/node-sandbox.ts'
import { make, Pods } from '../support/objects.ts'
import { eventually } from '../support/server.ts'

suite('pods on the node of a sandbox', async () => {
  const cluster = await nodeSandbox()
  const { kube } = cluster

  test('a pod runs; its log and commands in it come through the API server', async () => {
    await using namespace = await testNamespace(kube)
    const pod = { namespace: namespace.name, name: 'talker' }
    await startPod(kube, { ...pod, script: 'echo hello from $HOSTNAME; sleep 100000' })
    await eventually(async () => (await logOf(cluster, pod)) === 'hello from talker\n' || undefined)
    assert.equal(await inPod(cluster, pod, ['sh', '-c', 'echo $((6 * 7))']), '42\n')
    await assert.rejects(inPod(cluster, pod, ['sh', '-c', 'echo no >&2; exit 3']), /exit code 3.*no/s)
  })

  test('a pod reaches the API server at the address that Kubernetes tells it, with a certificate for it', async () => {
    await using namespace = await testNamespace(kube)
    const pod = { namespace: namespace.name, name: 'caller' }
    await startPod(kube, pod)
    const connect = 'nc -w 5 $KUBERNETES_SERVICE_HOST $KUBERNETES_SERVICE_PORT </dev/null && echo connected'
    assert.equal(await inPod(cluster, pod, ['sh', '-c', connect]), 'connected\n')
    const account = await inPod(cluster, pod, ['ls', '/var/run/secrets/kubernetes.io/serviceaccount'])
    assert.deepEqual(account.trim().split('\n'), ['ca.crt', 'namespace', 'token'])
  })

  test('a pod that ends by itself has succeeded; its memory limit is the kernel’s', async () => {
    await using namespace = await testNamespace(kube)
    const pod = { namespace: namespace.name, name: 'ends' }
    // Where the limit stands depends on the version of control groups.
    const files = '/sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max'
    const container = {
      name: 'main',
      image: 'busybox:1.36',
      imagePullPolicy: 'IfNotPresent',
      command: ['sh', '-c', `cat ${files} 2>/dev/null; true`],
      resources: { limits: { memory: '32Mi' } },
    }
    await make(kube, Pods, { ...pod, spec: { restartPolicy: 'Never', containers: [container] } })
    await podReaches(kube, { ...pod, phase: 'Succeeded' })
    assert.equal((await logOf(cluster, pod)).trim(), String(32 * 1024 ** 2))
  })
})

// Hooks in pods that really run: what they do to a backup, and what a command may do instead of ending.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { Backup, BackupSpec } from '#api/backup.ts'
import type { LogLine } from '#archive/log-line.ts'
import { memoryStore } from '#store/memory.ts'
import { findingsOf } from '../support/backup-results.ts'
import { backUp, namesOf, readBackup, type BackupOrder } from '../support/backup-run.ts'
import { cli, scratchFolder } from '../support/cli.ts'
import { testNamespace } from '../support/cluster.ts'
import { inPod, nodeSandbox, startPod } from '../support/node-sandbox.ts'
import { Pods } from '../support/objects.ts'

const pre = 'pre.hook.backup.velero.io/'
const post = 'post.hook.backup.velero.io/'
const shell = (script: string): string => JSON.stringify(['sh', '-c', script])

/** Writes numbers into a file, one every so often, and stands still while it is asked to; says so in a file of its own. */
const writer = `
  n=0
  while true; do
    if [ -e /tmp/freeze ]; then touch /tmp/frozen; else rm -f /tmp/frozen; n=$((n+1)); echo $n >>/tmp/numbers; fi
    usleep 20000
  done`
const freeze =
  'touch /tmp/freeze; until [ -e /tmp/frozen ]; do usleep 10000; done; tail -n 1 /tmp/numbers; tail -n 1 /tmp/numbers >/tmp/at-freeze'
const thaw = 'tail -n 1 /tmp/numbers >/tmp/at-thaw; rm /tmp/freeze; while [ -e /tmp/frozen ]; do usleep 10000; done'

suite('hooks on a node', async () => {
  const cluster = await nodeSandbox()
  const { kube } = cluster

  /** A backup of one namespace, with what it says. */
  async function backUpOf(namespace: string, { spec, ...more }: { spec?: BackupSpec } & Partial<BackupOrder> = {}) {
    const store = memoryStore()
    const lines: LogLine[] = []
    const backup = await backUp({
      kube,
      store,
      spec: { includedNamespaces: [namespace], ...spec },
      onLog: (line) => lines.push(line),
      ...more,
    })
    return { status: backup.status, lines, ...(await findingsOf(store)), ...(await readBackup(store)) }
  }

  test('a command gives its output and its exit code, and gets its words as they are', async () => {
    await using space = await testNamespace(kube)
    const pod = { namespace: space.name, name: 'busy' }
    await startPod(kube, pod)
    const run = (...command: string[]) => kube.exec('busy', { namespace: space.name, container: 'main', command })
    assert.deepEqual(await run('sh', '-c', 'echo out; echo err >&2; exit 3'), {
      exitCode: 3,
      stdout: 'out\n',
      stderr: 'err\n',
    })
    assert.deepEqual((await run('printf', '%s|', 'a b', 'ü&?=', '')).stdout, 'a b|ü&?=||')
    assert.equal((await run('true')).exitCode, 0)
    const all = await Promise.all(Array.from({ length: 5 }, (_, index) => run('echo', String(index))))
    assert.deepEqual(
      all.map(({ stdout }) => stdout),
      ['0\n', '1\n', '2\n', '3\n', '4\n'],
    )
  })

  test('a command that hangs, floods, cannot be started or dies with its container ends with a reason', async () => {
    await using space = await testNamespace(kube)
    const namespace = space.name
    for (const name of ['busy', 'doomed']) await startPod(kube, { namespace, name })
    const run = (command: string[], more: object = {}) =>
      kube.exec('busy', { namespace, container: 'main', command, ...more })
    await assert.rejects(run(['sh', '-c', 'echo begun; sleep 1000'], { timeoutMillis: 2000 }), {
      name: 'ExecError',
      problem: 'timeout',
      output: { stdout: 'begun\n', stderr: '' },
    })
    const flood = await run(['sh', '-c', 'yes | head -c 20000000; echo the end'], { outputBytes: 1000 })
    assert.match(flood.stdout, /^(y\n)+\n… 19999008 bytes left out …\n[^]*y\nthe end\n$/)
    await assert.rejects(run(['no-such-program']), { name: 'ExecError', problem: 'not-run' })
    await assert.rejects(run(['true'], { container: 'other' }), { name: 'KubeError', problem: 'invalid' })
    const stop = new AbortController()
    const stopped = run(['sleep', '1000'], { signal: stop.signal })
    await pause(500)
    stop.abort(new Error('enough'))
    await assert.rejects(stopped, /enough/)
    const dying = kube.exec('doomed', { namespace, container: 'main', command: ['sleep', '1000'] }).then(
      ({ exitCode }) => `exit ${exitCode}`,
      (error: { problem?: string }) => error.problem,
    )
    await pause(500)
    await kube.delete(Pods, 'doomed', { namespace, gracePeriodSeconds: 0 })
    assert.match(String(await dying), /^(exit 137|lost|not-run)$/)
  })

  test('a writer stands still from its pre hook to its post hook, and the backup says for how long and what the hooks said', async () => {
    await using space = await testNamespace(kube)
    const pod = { namespace: space.name, name: 'writer' }
    const annotations = {
      [`${pre}command`]: shell(freeze),
      [`${post}command`]: shell(thaw),
      [`${pre}on-error`]: 'Fail',
    }
    await startPod(kube, { ...pod, script: writer, annotations })
    const { status, lines, errors, trailer } = await backUpOf(space.name)
    assert.deepEqual(errors, [])
    assert.equal(status?.phase, 'Completed')
    assert.deepEqual(status?.hookStatus, { hooksAttempted: 2 })
    const [atFreeze, atThaw] = [
      await inPod(cluster, pod, ['cat', '/tmp/at-freeze']),
      await inPod(cluster, pod, ['cat', '/tmp/at-thaw']),
    ]
    assert.equal(atThaw, atFreeze, 'nothing was written in between')
    assert.ok(
      lines.some(({ message }) => message === `stdout: ${atFreeze}`),
      'the output is in the log',
    )
    assert.equal(trailer.frozen?.length, 1)
    assert.ok((trailer.frozen?.[0]?.seconds ?? 0) > 0)
    await using store = await scratchFolder()
    const env = { KUBECONFIG: cluster.kubeconfigPath, LIFEBOAT_STORE: store.path }
    const created = await cli(['backup', 'create', 'hooked', '--include-namespaces', space.name], { env })
    assert.equal(created.code, 0, created.stderr)
    const described = await cli(['backup', 'describe', 'hooked', '--details'], { env })
    assert.match(
      described.stdout,
      new RegExp(`HooksAttempted: +2\\n[^]*Frozen:\\n +${space.name}/writer: +[\\d.]+ s, from 20`),
    )
    const goesOn = await inPod(cluster, pod, [
      'sh',
      '-c',
      'tail -n 1 /tmp/numbers; usleep 500000; tail -n 1 /tmp/numbers',
    ])
    const [first, second] = goesOn.trim().split('\n').map(Number)
    assert.ok((second ?? 0) > (first ?? 0), 'it writes again')
  })

  test('hooks that fail in all ways: the pod of onError Fail stays out, post hooks are run, counts and errors say how many', async () => {
    await using space = await testNamespace(kube)
    const namespace = space.name
    const marks = { [`${post}command`]: shell('echo thawed >>/tmp/marks') }
    const pods: Record<string, Record<string, string>> = {
      hangs: {
        [`${pre}command`]: shell('echo begun; sleep 1000'),
        [`${pre}timeout`]: '2s',
        [`${pre}on-error`]: 'Continue',
      },
      floods: { [`${pre}command`]: shell('yes | head -c 3000000'), [`${pre}timeout`]: '1m' },
      strict: { [`${pre}command`]: '/bin/false', [`${pre}on-error`]: 'Fail' },
      lenient: { [`${pre}command`]: shell('echo oops >&2; exit 3') },
      elsewhere: { [`${pre}command`]: '/bin/true', [`${pre}container`]: 'side' },
    }
    await Promise.all(
      Object.entries(pods).map(([name, annotations]) =>
        startPod(kube, { namespace, name, annotations: { ...annotations, ...marks } }),
      ),
    )
    const made = await backUpOf(namespace)
    assert.equal(made.status?.phase, 'PartiallyFailed')
    assert.deepEqual(made.status?.hookStatus, { hooksAttempted: 10, hooksFailed: 4 })
    // One for each failed hook, and one more for onError Fail.
    assert.equal(made.status?.errors, 5)
    const stored = ['elsewhere', 'floods', 'hangs', 'lenient'].map((name) => `${namespace}/${name}`)
    assert.deepEqual(namesOf(made, 'pods'), stored)
    const reasons = ['did not end within 2 s', 'exit code 1', 'exit code 3', 'has no container side; it has main']
    for (const reason of reasons)
      assert.ok(
        made.errors.some((line) => line.includes(reason)),
        reason,
      )
    for (const name of Object.keys(pods)) {
      assert.equal(await inPod(cluster, { namespace, name }, ['cat', '/tmp/marks']), 'thawed\n', name)
    }
    const said = (part: string): boolean => made.lines.some(({ message }) => message.includes(part))
    assert.ok(said('stdout: begun') && said('stderr: oops') && said('bytes left out'))
    assert.ok(made.lines.every(({ message }) => message.length < 40_000))
  })

  test('hooks and errors are counted as Velero counted them (recorded scenario a01)', async () => {
    await using space = await testNamespace(kube)
    const namespace = space.name
    const pods = {
      cider: {
        [`${pre}command`]: '["/bin/sh", "-c", "echo pre-ok; date +%s > /tmp/pre"]',
        [`${pre}container`]: 'main',
        [`${pre}timeout`]: '20s',
        [`${post}command`]: '["/bin/sh", "-c", "echo post-ok"]',
        [`${post}on-error`]: 'Continue',
      },
      'press-breaks': { [`${pre}command`]: '["/bin/false"]', [`${pre}on-error`]: 'Fail' },
      'press-limps': {
        [`${pre}command`]: '["/bin/sh","-c","echo oops >&2; exit 3"]',
        [`${pre}on-error`]: 'Continue',
        [`${post}command`]: '["/bin/true"]',
      },
    }
    for (const [name, annotations] of Object.entries(pods)) await startPod(kube, { namespace, name, annotations })
    const made = await backUpOf(namespace)
    const file = join(import.meta.dirname, '../compat/golden/scenarios/a01-hooks-annotations/backup.json')
    const recorded = JSON.parse(await readFile(file, 'utf8')) as Backup
    const { phase, hookStatus, errors } = recorded.status ?? {}
    assert.deepEqual(
      { phase: made.status?.phase, hookStatus: made.status?.hookStatus, errors: made.status?.errors },
      { phase, hookStatus, errors },
    )
    assert.deepEqual(namesOf(made, 'pods'), [`${namespace}/cider`, `${namespace}/press-limps`])
  })

  test('a backup that is stopped while a pod stands still lets it go on', async () => {
    await using space = await testNamespace(kube)
    const pod = { namespace: space.name, name: 'writer' }
    const annotations = {
      [`${pre}command`]: shell(`${freeze}; sleep 1000`),
      [`${pre}timeout`]: '10m',
      [`${post}command`]: shell(thaw),
    }
    await startPod(kube, { ...pod, script: writer, annotations })
    const stop = new AbortController()
    const running = backUpOf(space.name, { signal: stop.signal })
    running.catch(() => undefined)
    await inPod(cluster, pod, ['sh', '-c', 'until [ -e /tmp/at-freeze ]; do usleep 10000; done'])
    stop.abort(new Error('stopped'))
    await assert.rejects(running, { problem: 'aborted' })
    await inPod(cluster, pod, ['sh', '-c', '[ ! -e /tmp/freeze ] && [ ! -e /tmp/frozen ]'])
  })

  test('fsfreeze is asked for by one word, and fails where it is not allowed without harm to the backup', async () => {
    await using space = await testNamespace(kube)
    const namespace = space.name
    await startPod(kube, { namespace, name: 'plain', annotations: { 'lifeboat.dev/quiesce': 'fsfreeze' } })
    await startPod(kube, { namespace, name: 'wrong', annotations: { 'lifeboat.dev/quiesce': 'oracle' } })
    const made = await backUpOf(namespace)
    assert.equal(made.status?.phase, 'PartiallyFailed')
    assert.deepEqual(made.status?.hookStatus, { hooksAttempted: 2, hooksFailed: 2 })
    assert.deepEqual(namesOf(made, 'pods'), [`${namespace}/plain`, `${namespace}/wrong`])
  })
})

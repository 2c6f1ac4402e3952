#!/usr/bin/env node
// The one door for people and CI. Plain JavaScript, because it must run on any Node from 20 on; everything after it runs on the
// Node that node_modules brings.
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { constants, tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { join } from 'node:path'
import { setUp } from './set-up.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const bin = (name) => join(root, 'node_modules', '.bin', name)
const reporter = ['--test-reporter=./test/support/reporter.ts', '--test-reporter-destination=stdout']
const cluster = ['--test-global-setup=test/support/global-setup.ts', '--test-concurrency=2', '--test-timeout=1800000']
/** More files than this do not fail by chance. */
const MOST_AGAIN = 15
const unitFiles = ['src/**/*.test.ts', 'test/*.test.ts', 'bench/*.test.ts', 'docs/examples/*.test.ts']
const filesOf = (folder) => `test/${folder}/**/*.test.ts`
const clusterFiles = ['cluster', 'e2e', 'compat', 'faults'].map(filesOf)
const nodeFiles = [filesOf('node')]
const volumeDemo = 'scripts/volume-demo/main.ts'
const testPrograms = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'versitygw',
  'minio',
  'velero',
  'velero-plugin-for-aws',
  'helm',
  'kubectl',
]
const nodePrograms = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kubelet',
  'csi-provisioner',
  'csi-snapshotter',
  'snapshot-controller',
  'csi-sanity',
  'versitygw',
  'velero',
  'velero-plugin-for-aws',
]

const commands = {
  demo: (args) => node([args.includes('--with-volumes') ? volumeDemo : 'src/main.ts', 'demo', ...args]),
  unit: (args) => nodeTest([], unitFiles, args),
  cluster: (args) => inOrder([() => assets(testPrograms), () => nodeTest(cluster, clusterFiles, args)]),
  compat: (args) => inOrder([() => assets(testPrograms), () => nodeTest(cluster, [filesOf('compat')], args)]),
  node: (args) => inOrder([() => assets(nodePrograms), () => nodeTest(cluster, nodeFiles, args)]),
  check: () => inOrder([checkSources, () => nodeTest([], unitFiles, [])]),
  test: (args) =>
    inOrder([
      everySourceCheck,
      () => assets([...testPrograms, ...nodePrograms]),
      () => wholeTest([...unitFiles, ...clusterFiles, ...nodeFiles], args),
    ]),
  build: (args) => node(['scripts/build.mjs', ...args]),
  bench: (args) => node(['bench/main.ts', ...args]),
}

const [name, ...args] = process.argv.slice(2)
const command = Object.hasOwn(commands, name ?? '') ? commands[name] : undefined
if (command === undefined) {
  process.stderr.write(`usage: node scripts/run.mjs <${Object.keys(commands).join('|')}> [arguments]\n`)
  process.exitCode = 2
} else {
  try {
    await setUp(root, run)
    process.exitCode = await command(args)
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
    process.exitCode = 1
  }
}

function node(args, env = {}) {
  return run(bin('node'), args, env)
}

/** Runs tests; file names among `args` take the place of `files`, flags go to node. */
function nodeTest(flags, files, args, env = {}) {
  const options = args.filter((arg) => arg.startsWith('-'))
  const named = args.filter((arg) => !arg.startsWith('-'))
  return node(['--test', ...reporter, ...flags, ...options, ...(named.length > 0 ? named : files)], env)
}

/**
 * Runs tests on real clusters. Where a few files fail, those are run once more, one after the other, as a machine that others
 * use too may have stalled: the run says which, and what fails again has failed.
 */
async function wholeTest(files, args) {
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-tests-'))
  const record = join(folder, 'record.json')
  try {
    const code = await nodeTest(cluster, files, args, { LIFEBOAT_TEST_RECORD: record })
    const { failedFiles = [], passedElsewhere } = await readJson(record)
    if (code !== 1 || failedFiles.length === 0 || failedFiles.length > MOST_AGAIN) return code
    process.stdout.write(
      `\nfailed, and run once more by themselves:\n${failedFiles.map((file) => `  ${file}\n`).join('')}\n`,
    )
    const alone = [...cluster, '--test-concurrency=1']
    return await nodeTest(alone, failedFiles, [], { LIFEBOAT_TESTS_PASSED: String(passedElsewhere) })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function readJson(path) {
  try {
    return JSON.parse(await readFile(path, 'utf8'))
  } catch {
    // The run did not come to its end.
    return {}
  }
}

function assets(names) {
  return node(['scripts/assets.ts', ...names])
}

async function everySourceCheck() {
  const code = await checkSources()
  // The last line of a test run says what came of it, whatever happened before.
  if (code !== 0) process.stdout.write('0 passed, 1 failed\n')
  return code
}

async function checkSources() {
  const checks = [
    ['format', bin('oxfmt'), ['--check']],
    ['lint', bin('oxlint'), ['--type-aware']],
    ['types', bin('tsc'), ['-p', '.']],
  ]
  const results = await Promise.all(checks.map(([, file, args]) => capture(file, args)))
  let failed = 0
  for (const [index, { code, output }] of results.entries()) {
    const [what] = checks[index]
    process.stdout.write(`${code === 0 ? '✔' : '✖'} ${what}\n`)
    if (code === 0) continue
    failed++
    process.stdout.write(output.replace(/^/gm, '  ').trimEnd() + '\n')
  }
  return failed === 0 ? 0 : 1
}

async function inOrder(steps) {
  for (const step of steps) {
    const code = await step()
    if (code !== 0) return code
  }
  return 0
}

/** Runs a program in the tree with our terminal; the exit code as a shell would report it. */
function run(file, args, env = {}) {
  const child = spawn(file, args, { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } })
  const forward = (signal) => {
    // A terminal's Ctrl-C has reached the child already, and to some programs a second one means "at once".
    if (signal === 'SIGINT' && process.stdin.isTTY) return
    child.kill(signal)
  }
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
  for (const signal of signals) process.on(signal, forward)
  return new Promise((resolve, reject) => {
    child.once('error', (error) => reject(new Error(`${file} could not be started: ${error.message}`)))
    child.once('exit', (code, signal) => {
      for (const each of signals) process.removeListener(each, forward)
      resolve(code ?? 128 + constants.signals[signal])
    })
  })
}

function capture(file, args) {
  const child = spawn(file, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text))
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ code: 1, output: error.message }))
    child.once('close', (code) => resolve({ code, output }))
  })
}

import { join, relative } from 'node:path'
import { SandboxError } from '#sandbox/error.ts'
import { requireNodeRights } from '#sandbox/node.ts'
import type { Sandbox } from '#sandbox/sandbox.ts'
import { connectTo } from './cluster.ts'
import { startStorage } from './csi/storage.ts'
import { startNodeSandbox } from './node-sandbox.ts'
import { testSandbox } from './test-sandbox.ts'

const sandboxes: Sandbox[] = []

/**
 * Brings up what all test files of a run share: one cluster, unless LIFEBOAT_TEST_KUBECONFIG names one already, and one cluster with a
 * node and storage for the files in test/node. Neither is started when none of its files is run.
 */
export async function globalSetup(): Promise<void> {
  const { onNode, elsewhere } = filesOfRun(process.argv.slice(1))
  if (onNode && !process.env['LIFEBOAT_TEST_NODE'] && mayRunNode()) await bringUpNode()
  if (elsewhere && !process.env['LIFEBOAT_TEST_KUBECONFIG']) {
    const sandbox = await testSandbox()
    sandboxes.push(sandbox)
    process.env['LIFEBOAT_TEST_KUBECONFIG'] = sandbox.kubeconfigPath
  }
}

async function bringUpNode(): Promise<void> {
  const sandbox = await startNodeSandbox()
  sandboxes.push(sandbox)
  const kube = await connectTo(sandbox.kubeconfigPath)
  await startStorage(kube, sandbox)
  await kube.close()
  process.env['LIFEBOAT_TEST_NODE'] = sandbox.stateDir
}

/** Without root the files in test/node fail, and say why; all others run. */
function mayRunNode(): boolean {
  try {
    requireNodeRights()
    return true
  } catch (error) {
    if (error instanceof SandboxError) return false
    throw error
  }
}

/** Ends the clusters that `globalSetup` brought up. */
export async function globalTeardown(): Promise<void> {
  for (const sandbox of sandboxes.splice(0)) await sandbox[Symbol.asyncDispose]()
}

/** Where the files and patterns on the command line of the run lie; without any, Node looks for tests everywhere. */
function filesOfRun(given: readonly string[]): { onNode: boolean; elsewhere: boolean } {
  const files = given.filter((arg) => !arg.startsWith('-'))
  const onNode = files.filter((file) => relative(process.cwd(), file).startsWith(join('test', 'node', '')))
  return {
    onNode: files.length === 0 || onNode.length > 0,
    elsewhere: files.length === 0 || onNode.length < files.length,
  }
}

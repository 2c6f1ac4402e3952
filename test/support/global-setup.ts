import type { Sandbox } from '#sandbox/sandbox.ts'
import { testSandbox } from './test-sandbox.ts'

let sandbox: Sandbox | undefined

/** Brings up the one cluster that all test files of a run share, unless LIFEBOAT_TEST_KUBECONFIG names one already. */
export async function globalSetup(): Promise<void> {
  if (process.env['LIFEBOAT_TEST_KUBECONFIG']) return
  sandbox = await testSandbox()
  process.env['LIFEBOAT_TEST_KUBECONFIG'] = sandbox.kubeconfigPath
}

/** Ends the cluster that `globalSetup` brought up. */
export async function globalTeardown(): Promise<void> {
  await sandbox?.[Symbol.asyncDispose]()
}

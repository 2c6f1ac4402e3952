import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ensureControlPlane } from '#sandbox/assets.ts'
import { sandboxUp, type Sandbox } from '#sandbox/sandbox.ts'
import { plainProgress } from './plain-progress.ts'

/** A sandbox in a temporary folder; it ends when disposed, or with this process, however that ends. */
export async function testSandbox(): Promise<Sandbox> {
  const assets = await ensureControlPlane({ env: process.env, progress: plainProgress() })
  const home = await mkdtemp(join(tmpdir(), 'lifeboat-test-'))
  try {
    const sandbox = await sandboxUp({ name: `test-${randomBytes(4).toString('hex')}`, home, assets, owned: true })
    return {
      ...sandbox,
      [Symbol.asyncDispose]: async () => {
        await sandbox[Symbol.asyncDispose]()
        await rm(home, { recursive: true, force: true, maxRetries: 3 })
      },
    }
  } catch (error) {
    await rm(home, { recursive: true, force: true, maxRetries: 3 })
    throw error
  }
}

// Gets hold of the programs named as arguments (all of them without any) before something that should not be kept waiting starts.
import { assetNames, type AssetName } from '#sandbox/asset-recipe.ts'
import { ensureAsset, estimatedBuildMs, findAsset } from '#sandbox/assets.ts'
import { SandboxError } from '#sandbox/error.ts'
import { plainProgress } from '../test/support/plain-progress.ts'

const { env } = process
const interrupt = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupt.abort())

const given = process.argv.slice(2)
const names = given.length === 0 ? assetNames() : assetNames().filter((name) => given.includes(name))
const missing: AssetName[] = []
for (const name of names) if ((await findAsset(name, env)) === undefined) missing.push(name)
if (missing.length > 0) {
  const minutes = Math.ceil(estimatedBuildMs(missing) / 60_000)
  process.stderr.write(`Building once, for this and all later runs: ${missing.join(', ')} (about ${minutes} min)\n`)
}
try {
  for (const name of missing) await ensureAsset(name, { env, signal: interrupt.signal, progress: plainProgress() })
} catch (error) {
  if (!(error instanceof SandboxError)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exitCode = error.problem === 'aborted' ? 130 : 1
}

#!/usr/bin/env node
// The process: the only place that reads the environment, owns the signals and ends with the exit code.
import packageJson from '../package.json' with { type: 'json' }

const [first, ...rest] = process.argv.slice(2)
if (first === '--version' && rest.length === 0) {
  process.stdout.write(`lifeboat ${packageJson.version}\n`)
} else {
  const { runMain } = await import('#cli/process.ts')
  await runMain(packageJson.version)
}

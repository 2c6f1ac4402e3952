#!/usr/bin/env -S NODE_COMPILE_CACHE=${HOME}/.cache/lifeboat/compiled MALLOC_ARENA_MAX=2 MALLOC_MMAP_THRESHOLD_=131072 node
// The line above asks for V8's compile cache, few memory arenas, and large buffers that go back at once: a program can switch on none of them for itself once it runs
// (docs/decisions/0001-runtime.md).
// The process: the only place that reads the environment, owns the signals and ends with the exit code.
import packageJson from '../package.json' with { type: 'json' }

const [first, ...rest] = process.argv.slice(2)
if (first === '--version' && rest.length === 0) {
  process.stdout.write(`lifeboat ${packageJson.version}\n`)
} else if (Number(process.versions.node.split('.')[0]) < 24) {
  process.stderr.write(
    `error: Lifeboat needs Node 24 or newer, and this is ${process.version}: try npx node@24 ${process.argv[1]}\n`,
  )
  process.exitCode = 1
} else {
  const { runMain } = await import('#cli/process.ts')
  await runMain(packageJson.version)
}

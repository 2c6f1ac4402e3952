// A process that owns the sandbox `owned` in the state folder given as argument, says so in one line, and waits to be killed.
import { ensureControlPlane } from '#sandbox/assets.ts'
import { sandboxUp } from '#sandbox/sandbox.ts'

const home = process.argv[2]
if (home === undefined) throw new Error('usage: sandbox-owner.ts HOME')
const assets = await ensureControlPlane({ env: process.env })
const { pids } = await sandboxUp({ name: 'owned', home, assets, owned: true })
process.stdout.write(`${JSON.stringify({ pids })}\n`)
setInterval(() => undefined, 60_000)

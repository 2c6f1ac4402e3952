// A process that owns the sandbox `owned` in the state folder given as argument, says so in one line, and waits to be killed.
// With a second argument `node`, the sandbox has a node.
import { ensureControlPlane, ensureNode } from '#sandbox/assets.ts'
import { sandboxUp } from '#sandbox/sandbox.ts'

const [home, wish] = process.argv.slice(2)
if (home === undefined) throw new Error('usage: sandbox-owner.ts HOME [node]')
const assets = await ensureControlPlane({ env: process.env })
const node = wish === 'node' ? await ensureNode({ env: process.env }) : undefined
const { pids } = await sandboxUp({ name: 'owned', home, assets, node, owned: true })
process.stdout.write(`${JSON.stringify({ pids })}\n`)
setInterval(() => undefined, 60_000)

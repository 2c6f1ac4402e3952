// Makes dist/lifeboat.mjs: everything in one executable file, for the image and for publishing.
import { chmod, rm, stat } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))
const outfile = 'dist/lifeboat.mjs'

await rm(new URL('../dist', import.meta.url), { recursive: true, force: true })
await build({
  absWorkingDir: root,
  entryPoints: ['src/main.ts'],
  outfile,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  // Dependencies in CommonJS ask for Node's own modules through require.
  banner: {
    js: "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);",
  },
  logLevel: 'warning',
})
await chmod(new URL(`../${outfile}`, import.meta.url), 0o755)
const { size } = await stat(new URL(`../${outfile}`, import.meta.url))
process.stdout.write(`${outfile}  ${(size / 1024 ** 2).toFixed(1)} MiB\n`)

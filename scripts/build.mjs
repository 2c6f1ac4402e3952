// Makes dist/lifeboat.mjs: everything in one executable file, for the image and for publishing.
import { isBuiltin } from 'node:module'
import { chmod, rm, stat } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))
const outfile = 'dist/lifeboat.mjs'

// A static import of Node's modules would load twenty of them before the first line runs; required, each is loaded by its first user.
const lazyBuiltins = {
  name: 'lazy-builtins',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /./ }, ({ path, kind }) =>
      kind !== 'entry-point' && isBuiltin(path) ? { path, namespace: 'builtin' } : undefined,
    )
    onLoad({ filter: /./, namespace: 'builtin' }, ({ path }) => ({
      contents: `module.exports = builtin(${JSON.stringify(path)})`,
      loader: 'js',
    }))
  },
}

// The first line of src/main.ts becomes that of the bundle: it asks for V8's compile cache and few memory arenas.
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
    js: "import{createRequire}from'node:module';const require=createRequire(import.meta.url),builtin=require;",
  },
  plugins: [lazyBuiltins],
  logLevel: 'warning',
})
await chmod(new URL(`../${outfile}`, import.meta.url), 0o755)
const { size } = await stat(new URL(`../${outfile}`, import.meta.url))
process.stdout.write(`${outfile}  ${(size / 1024 ** 2).toFixed(1)} MiB\n`)

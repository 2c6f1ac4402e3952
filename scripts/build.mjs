// Makes dist/lifeboat.mjs, or the file named as argument: everything in one executable file, for the image and for publishing.
import { isBuiltin } from 'node:module'
import { chmod, rm, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))
const [wish] = process.argv.slice(2)
const outfile = wish === undefined ? 'dist/lifeboat.mjs' : resolve(wish)

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
if (wish === undefined) await rm(new URL('../dist', import.meta.url), { recursive: true, force: true })
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
const made = resolve(root, outfile)
await chmod(made, 0o755)
const { size } = await stat(made)
process.stdout.write(`${outfile}  ${(size / 1024 ** 2).toFixed(1)} MiB\n`)

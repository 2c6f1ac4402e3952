// A program: lists of whole types, page after page over one connection, parsed and thrown away. Faster than this nobody reads a
// cluster with one connection in one thread. Arguments: kubeconfig, and the paths of the lists.
import { bareApi } from './api-server.ts'

// Whoever started this program shows the last lines of its output: the message must be among them.
Error.stackTraceLimit = 0

const [kubeconfigPath = '', ...paths] = process.argv.slice(2)
await using api = await bareApi(kubeconfigPath, 1)
const began = performance.now()
let objects = 0
for (const path of paths) {
  let token = ''
  do {
    const query = token === '' ? '' : `&continue=${encodeURIComponent(token)}`
    const { text } = await api.request(`${path}?limit=500${query}`)
    const page = JSON.parse(text) as { items?: unknown[] | null; metadata?: { continue?: string } }
    objects += page.items?.length ?? 0
    token = page.metadata?.continue ?? ''
  } while (token !== '')
}
console.log(JSON.stringify({ objects, seconds: (performance.now() - began) / 1000 }))

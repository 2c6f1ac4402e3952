import { readFile } from 'node:fs/promises'
import { Agent, type Dispatcher } from 'undici'
import type { Pem } from '#kube/cluster-config.ts'
import { loadKubeConfig } from '#kube/config.ts'

/** A bare HTTP client of one API server: nothing of Lifeboat lies in between. */
export interface BareApi extends AsyncDisposable {
  /** The answer's text; rejects with the server's words for a status that is not in `accepted` (default 200). */
  request(path: string, options?: BareOptions): Promise<{ status: number; text: string }>
}

export interface BareOptions {
  method?: Dispatcher.HttpMethod
  /** JSON. */
  body?: string
  accepted?: readonly number[]
}

/** Connects with the certificates of a sandbox's kubeconfig, over at most so many sockets. */
export async function bareApi(kubeconfigPath: string, connections: number): Promise<BareApi> {
  const { server, ca, user } = await loadKubeConfig({ env: {}, home: '/', kubeconfig: kubeconfigPath })
  const connect = {
    ca: await pemText(ca),
    cert: await pemText(user.certificate?.cert),
    key: await pemText(user.certificate?.key),
  }
  const asked = user.headers as Record<string, string | string[]> | undefined
  const agent = new Agent({ connect, connections, pipelining: 1 })
  return {
    async request(path, { method = 'GET', body, accepted = [200] } = {}) {
      const headers = { accept: 'application/json', 'content-type': 'application/json', ...asked }
      const response = await agent.request({ origin: server, path, method, headers, body: body ?? null })
      const text = await response.body.text()
      if (accepted.includes(response.statusCode)) return { status: response.statusCode, text }
      throw new Error(`${method} ${path}: ${response.statusCode} ${text.slice(0, 500)}`)
    },
    [Symbol.asyncDispose]: () => agent.close(),
  }
}

async function pemText(pem: Pem | undefined): Promise<string> {
  if (pem === undefined) throw new Error('the kubeconfig has no certificates')
  return 'data' in pem ? pem.data : await readFile(pem.file, 'utf8')
}

import { readFile } from 'node:fs/promises'
import { request } from 'node:https'
import { once } from 'node:events'
import { loadKubeConfig } from '#kube/config.ts'
import type { Pem } from '#kube/cluster-config.ts'

/** The API server without our client: the text of an answer as it comes, and bodies as they are given. Rejects when the server refuses. */
export type RawApi = (path: string, body?: string) => Promise<string>

/** GETs, or POSTs when there is a body, with the certificate of the kubeconfig's user. */
export async function rawApi(kubeconfigPath: string): Promise<RawApi> {
  const config = await loadKubeConfig({ env: {}, home: '/', kubeconfig: kubeconfigPath })
  const tls = {
    ca: await pemOf(config.ca),
    cert: await pemOf(config.user.certificate?.cert),
    key: await pemOf(config.user.certificate?.key),
  }
  return async (path, body) => {
    const sent = request(new URL(path, config.server), {
      ...tls,
      method: body === undefined ? 'GET' : 'POST',
      headers: { accept: 'application/json', 'content-type': 'application/json' },
    })
    sent.end(body)
    const [response] = (await once(sent, 'response')) as [AsyncIterable<Buffer> & { statusCode: number }]
    const text = Buffer.concat(await Array.fromAsync(response)).toString('utf8')
    if (response.statusCode >= 300) throw new Error(`${path}: ${response.statusCode} ${text.slice(0, 500)}`)
    return text
  }
}

/** The text of a certificate or key of a kubeconfig; undefined when there is none. */
export async function pemOf(pem: Pem | undefined): Promise<string | undefined> {
  if (pem === undefined) return undefined
  return 'data' in pem ? pem.data : await readFile(pem.file, 'utf8')
}

import { downloadRefusals, serverService } from '#api/download-request.ts'
import type { KubeClient } from '#kube/client.ts'
import { KubeError } from '#kube/error.ts'

/** What came of asking: the file's bytes, nothing where there is no such file, or why this way is none. */
export type ThroughApiServer = { readonly bytes: AsyncIterable<Uint8Array> | undefined } | { readonly why: string }

/** Asks for `path` of the server's HTTP API. */
export type ApiServerWay = (path: string) => Promise<ThroughApiServer>

/** The way to the server's HTTP API through the API server's proxy of services: whoever reaches the cluster can go it. Once it has failed it is not tried again, since the next file would meet the same. */
export function apiServerWay(
  kube: KubeClient,
  { namespace, signal }: { namespace: string; signal: AbortSignal },
): ApiServerWay {
  let failed: { readonly why: string } | undefined
  return async (path) => {
    if (failed !== undefined) return failed
    // What follows goes behind the proxy's own path, with the user's rights: no `..` may lead elsewhere.
    if (!path.startsWith('/download?')) return { why: 'the server named a path that is none for downloads' }
    const { name: service, port } = serverService
    try {
      return { bytes: await kube.throughService(path, { namespace, service, port, signal }) }
    } catch (error) {
      if (!(error instanceof KubeError)) throw error
      if (error.reason === downloadRefusals.missing) return { bytes: undefined }
      failed = { why: whyNot(error, namespace) }
      return failed
    }
  }
}

function whyNot(error: KubeError, namespace: string): string {
  const { name } = serverService
  switch (error.reason) {
    case downloadRefusals.store:
      return error.serverMessage
    case downloadRefusals.link:
      return `${error.serverMessage}: it has expired, or the replica that was asked does not share Secret lifeboat-links (its log says so)`
    case 'NotFound':
      return `there is no Service ${name} in namespace ${namespace}; \`lifeboat install\` with the flags of before adds it, and leaves what is there`
    case 'ServiceUnavailable':
      return `${error.serverMessage}; is a pod of the server ready, and may the API server reach its port 8085?`
    default:
      return error.message
  }
}

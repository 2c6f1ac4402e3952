import { downloadRefusals, serverService } from '#api/download-request.ts'
import type { KubeClient } from '#kube/client.ts'
import { KubeError } from '#kube/error.ts'

/** What came of asking: the file's bytes, nothing where there is no such file, or why this way is none. */
export type ThroughApiServer = { readonly bytes: AsyncIterable<Uint8Array> | undefined } | { readonly why: string }

/** Asks for `path` of the server's HTTP API; gives up when nothing has come after `patienceMillis`. */
export type ApiServerWay = (path: string, options: { patienceMillis?: number | undefined }) => Promise<ThroughApiServer>

/** The way to the server's HTTP API through the API server's proxy of services: whoever reaches the cluster can go it. Once it has failed it is not tried again, since the next file would meet the same. */
export function apiServerWay(
  kube: KubeClient,
  { namespace, signal }: { namespace: string; signal: AbortSignal },
): ApiServerWay {
  let failed: { readonly why: string } | undefined
  return async (path, { patienceMillis }) => {
    if (failed !== undefined) return failed
    // What follows goes behind the proxy's own path, with the user's rights: no `..` may lead elsewhere.
    if (!path.startsWith('/download?')) return { why: 'the server named a path that is none for downloads' }
    const { name: service, port } = serverService
    const silence = new AbortController()
    const timer = patienceMillis === undefined ? undefined : setTimeout(() => silence.abort(), patienceMillis)
    const either = AbortSignal.any([signal, silence.signal])
    try {
      return { bytes: await kube.throughService(path, { namespace, service, port, signal: either }) }
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof KubeError && error.reason === downloadRefusals.missing) return { bytes: undefined }
      failed = { why: silence.signal.aborted ? silent(patienceMillis) : whyNot(error, namespace) }
      return failed
    } finally {
      clearTimeout(timer)
    }
  }
}

function silent(millis = 0): string {
  return `nothing came for ${millis / 1000} s; may the API server reach port 8085 of the server's pod (security groups, NetworkPolicies)?`
}

function whyNot(error: unknown, namespace: string): string {
  if (!(error instanceof KubeError)) throw error
  const { name } = serverService
  switch (error.reason) {
    case downloadRefusals.store:
      return error.serverMessage
    case downloadRefusals.link:
      return `${error.serverMessage}: it has expired, or the replica that was asked does not share Secret lifeboat-links (its log says so)`
    case 'NotFound':
      return `there is no Service ${name} in namespace ${namespace}; \`lifeboat install\` with the flags of before (\`--adopt\`, where the server was Velero's) adds it, and leaves what is there`
    case 'ServiceUnavailable':
      return `${error.serverMessage}; is a pod of the server ready, and may the API server reach its port 8085?`
    default:
      return error.message
  }
}

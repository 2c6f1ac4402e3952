import { objectLabel, pathOf, type Call } from './call.ts'
import type { ServicePort } from './client.ts'
import type { Transport } from './transport.ts'

const ServiceProxies = { group: '', version: 'v1', plural: 'services/proxy', kind: 'Service', namespaced: true }

/** See `KubeClient.throughService`. */
export async function throughService(
  transport: Transport,
  path: string,
  at: ServicePort,
): Promise<AsyncIterable<Uint8Array>> {
  const call = serviceCall(path, at)
  return told(transport, call, await transport.stream(call))
}

function serviceCall(path: string, { namespace, service, port, signal }: ServicePort): Call {
  // As RBAC calls it in `resourceNames`, too.
  const name = `${service}:${port}`
  return {
    method: 'GET',
    path: pathOf({ ...ServiceProxies, plural: 'services' }, { namespace, name, subresource: 'proxy' }) + path,
    verb: 'get',
    object: objectLabel(ServiceProxies, namespace, name),
    repeatable: true,
    failsFast: true,
    signal,
  }
}

/** The bytes, with the connection's errors in our words. */
async function* told(transport: Transport, call: Call, bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* bytes
  } catch (error) {
    throw transport.failureOf(call, error)
  }
}

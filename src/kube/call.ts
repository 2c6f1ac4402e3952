import type { ResourceType } from './object.ts'
import { apiVersionOf, resourceName } from './object.ts'

/** One request to the API server, ready to be sent, and the words for messages about it. */
export interface Call {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Path and query, without the server's own path prefix. */
  readonly path: string
  readonly body?: string | undefined
  readonly contentType?: string | undefined
  readonly accept?: string | undefined
  /** True when doing it twice ends as doing it once. False: repeated only when it was certainly not processed. */
  readonly repeatable: boolean
  /** As RBAC calls it: `get`, `list`, `create` … */
  readonly verb: string
  /** What it is about: `deployments.apps shop/web`, `pods in namespace shop`. */
  readonly object: string
  /** Longest silence to bear before and within the answer, and how long to try again, in milliseconds; default the transport's. */
  readonly silenceMillis?: number | undefined
  /** True when 5xx is an answer to be told, not to be waited out: the server in doubt may stay dead. */
  readonly failsFast?: boolean | undefined
  /** True when 404 is an answer, not a failure. */
  readonly mayBeMissing?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}

/** A type, whatever its objects look like. */
export type AnyType = ResourceType<object>

/** Values of a query string; undefined and false ones are left out. */
export type Query = Readonly<Record<string, string | number | boolean | undefined>>

/** `/apis/apps/v1/namespaces/shop/deployments/web/status?dryRun=All`; without a name the collection. */
export function pathOf(
  type: AnyType,
  at: { namespace?: string | undefined; name?: string | undefined; subresource?: string | undefined; query?: Query },
): string {
  const parts = [type.group === '' ? '/api' : '/apis', ...apiVersionOf(type).split('/')]
  if (type.namespaced && at.namespace !== undefined) parts.push('namespaces', encodeURIComponent(at.namespace))
  parts.push(type.plural)
  if (at.name !== undefined) parts.push(encodeURIComponent(at.name))
  if (at.subresource !== undefined) parts.push(at.subresource)
  return parts.join('/') + queryString(at.query ?? {})
}

/** `?a=1&b=true`, or nothing. */
export function queryString(query: Query): string {
  const given = new URLSearchParams()
  for (const [key, value] of Object.entries(query)) {
    if (value !== undefined && value !== false) given.set(key, String(value))
  }
  return given.size === 0 ? '' : `?${given}`
}

/** How messages name one object: `deployments.apps shop/web`. */
export function objectLabel(type: AnyType, namespace: string | undefined, name: string): string {
  const place = type.namespaced && namespace !== undefined ? `${namespace}/` : ''
  return `${resourceName(type)} ${place}${name}`
}

/** How messages name a collection: `pods in namespace shop`. */
export function collectionLabel(type: AnyType, namespace: string | undefined): string {
  return type.namespaced && namespace !== undefined
    ? `${resourceName(type)} in namespace ${namespace}`
    : resourceName(type)
}

import type { Page, RawPage } from './client.ts'
import { spansIn } from './list-spans.ts'
import type { ResourceType } from './object.ts'
import { apiVersionOf } from './object.ts'
import { listedObjects, rawObjects } from './raw-object.ts'

interface ListDocument {
  metadata?: { resourceVersion?: string; continue?: string; remainingItemCount?: number }
  items?: object[] | null
}

/** The page in a list's answer. The server leaves `apiVersion` and `kind` out of the items of built-in types; here every item has them, in front. */
export function pageIn<T extends object>(document: unknown, type: ResourceType<T>): Page<T> {
  const { metadata, items } = document as ListDocument
  const apiVersion = apiVersionOf(type)
  const { kind } = type
  return { items: (items ?? []).map((item) => ({ apiVersion, kind, ...item }) as T), ...placeOf(metadata) }
}

/** The page in the bytes of a list's answer, which stay in memory as long as one of its objects does. Undefined when only parsing the whole answer can tell. */
export function rawPageIn(bytes: Buffer, type: ResourceType): RawPage | undefined {
  const spans = spansIn(bytes)
  if (spans === undefined) return undefined
  const [from, to] = spans.items
  const around = bytes.toString('utf8', 0, from) + bytes.toString('utf8', to)
  const { metadata } = JSON.parse(around) as ListDocument
  return { items: listedObjects(bytes, spans, type), size: bytes.length, ...placeOf(metadata) }
}

/** The same of an answer that had to be parsed. */
export function rawPageOf(document: unknown, type: ResourceType, size: number): RawPage {
  const page = pageIn(document, type)
  return { ...page, items: rawObjects(page.items), size }
}

function placeOf(metadata: ListDocument['metadata']): Pick<Page, 'resourceVersion' | 'continue' | 'remaining'> {
  return {
    resourceVersion: metadata?.resourceVersion ?? '',
    continue: metadata?.continue === '' ? undefined : metadata?.continue,
    remaining: metadata?.remainingItemCount,
  }
}

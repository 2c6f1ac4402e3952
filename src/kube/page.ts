import type { Page } from './client.ts'
import type { ResourceType } from './object.ts'
import { apiVersionOf } from './object.ts'

interface ListDocument {
  metadata?: { resourceVersion?: string; continue?: string; remainingItemCount?: number }
  items?: object[] | null
}

/** The page in a list's answer. The server leaves `apiVersion` and `kind` out of the items of built-in types; here every item has them, in front. */
export function pageIn<T extends object>(document: unknown, type: ResourceType<T>): Page<T> {
  const { metadata, items } = document as ListDocument
  const apiVersion = apiVersionOf(type)
  const { kind } = type
  return {
    items: (items ?? []).map((item) => ({ apiVersion, kind, ...item }) as T),
    resourceVersion: metadata?.resourceVersion ?? '',
    continue: metadata?.continue === '' ? undefined : metadata?.continue,
    remaining: metadata?.remainingItemCount,
  }
}

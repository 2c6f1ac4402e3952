// Reads the documents of discovery. Pure: who fetches them is `discover` in discover.ts.
import type { ServedType } from './object.ts'

/** What one document of discovery tells: types without the `preferred` flag, in the server's order, and what is stale. */
export interface Discovered {
  readonly groups: readonly DiscoveredGroup[]
}

/** One API group; `versions` in the server's order, `preferredVersion` first by convention. */
export interface DiscoveredGroup {
  readonly name: string
  readonly preferredVersion: string
  readonly versions: readonly DiscoveredVersion[]
}

/** One group-version; without `types` where they have to be fetched one by one, or could not be. */
export interface DiscoveredVersion {
  readonly version: string
  readonly types: readonly BareType[] | undefined
}

/** A served type before it is known which version of it is preferred. */
export type BareType = Omit<ServedType, 'preferred'>

/** Media types of aggregated discovery, newest first, then plain JSON for servers older than 1.26. */
export const DISCOVERY_ACCEPT = [
  'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList',
  'application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList',
  'application/json',
].join(',')

interface AggregatedResource {
  resource: string
  responseKind?: { group?: string; version?: string; kind?: string } | null
  scope?: string
  singularResource?: string
  verbs?: string[]
  shortNames?: string[]
}

interface AggregatedDocument {
  kind: 'APIGroupDiscoveryList'
  items?: {
    metadata?: { name?: string } | null
    versions?: { version: string; freshness?: string; resources?: AggregatedResource[] | null }[] | null
  }[]
}

interface LegacyGroup {
  name: string
  versions: { version: string }[]
  preferredVersion?: { version: string }
}

/** Documents of `/api` and `/apis` in either form. */
export type DiscoveryDocument =
  | AggregatedDocument
  | { kind: 'APIVersions'; versions: string[] }
  | { kind: 'APIGroupList'; groups?: LegacyGroup[] }

interface LegacyResource {
  name: string
  singularName?: string
  namespaced: boolean
  kind: string
  verbs?: string[]
  shortNames?: string[]
}

/** `APIResourceList`, the document of one group-version. */
export interface ResourceListDocument {
  readonly resources?: readonly LegacyResource[] | null
}

/** The groups in a document of `/api` or `/apis`. Stale versions come without types, as the server does not vouch for them. */
export function groupsIn(document: DiscoveryDocument): DiscoveredGroup[] {
  switch (document.kind) {
    case 'APIGroupDiscoveryList':
      return (document.items ?? []).map((item) => {
        const name = item.metadata?.name ?? ''
        const versions = (item.versions ?? []).map(({ version, freshness, resources }) => ({
          version,
          types: freshness === 'Stale' ? undefined : aggregatedTypes(resources ?? [], { group: name, version }),
        }))
        return { name, preferredVersion: versions[0]?.version ?? '', versions }
      })
    case 'APIVersions':
      return [{ name: '', preferredVersion: document.versions[0] ?? '', versions: document.versions.map(untyped) }]
    case 'APIGroupList':
      return (document.groups ?? []).map(({ name, versions, preferredVersion }) => ({
        name,
        preferredVersion: preferredVersion?.version ?? versions[0]?.version ?? '',
        versions: versions.map(({ version }) => untyped(version)),
      }))
  }
}

/** The types in the document of one group-version, without subresources. */
export function typesIn(document: ResourceListDocument, at: { group: string; version: string }): BareType[] {
  return (document.resources ?? [])
    .filter(({ name }) => !name.includes('/'))
    .map(({ name, singularName, namespaced, kind, verbs, shortNames }) => ({
      ...at,
      plural: name,
      kind,
      namespaced,
      singular: singularName ?? '',
      shortNames: shortNames ?? [],
      verbs: verbs ?? [],
    }))
}

/**
 * Marks for each type the version the server prefers: the group's preferred version where that serves the type, else the first of the
 * group's versions that does (the rule of client-go's ServerPreferredResources, which Velero follows).
 */
export function withPreferred(group: DiscoveredGroup): ServedType[] {
  const preferred = new Map<string, string>()
  for (const { version, types } of group.versions) {
    for (const { plural } of types ?? []) {
      if (!preferred.has(plural) || version === group.preferredVersion) preferred.set(plural, version)
    }
  }
  return group.versions.flatMap(({ types }) =>
    (types ?? []).map((type) => ({ ...type, preferred: preferred.get(type.plural) === type.version })),
  )
}

function aggregatedTypes(resources: readonly AggregatedResource[], at: { group: string; version: string }): BareType[] {
  return (
    resources
      // Without a kind there is no object to read: only subresources of it are served.
      .filter(({ responseKind }) => (responseKind?.kind ?? '') !== '')
      .map(({ resource, responseKind, scope, singularResource, verbs, shortNames }) => ({
        ...at,
        plural: resource,
        kind: responseKind?.kind ?? '',
        namespaced: scope === 'Namespaced',
        singular: singularResource ?? '',
        shortNames: shortNames ?? [],
        verbs: verbs ?? [],
      }))
  )
}

function untyped(version: string): DiscoveredVersion {
  return { version, types: undefined }
}

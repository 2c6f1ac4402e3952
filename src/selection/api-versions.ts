/** A version of a type: what an archive has of it, or what a cluster serves. */
export interface TypeVersion {
  readonly version: string
  readonly preferred: boolean
}

/** What decides in which version objects of one type are restored. */
export interface VersionFacts<T extends TypeVersion> {
  /** Version folders in the archive. */
  readonly archived: readonly T[]
  /** Of the target cluster; empty when it does not know the type (yet). */
  readonly served: readonly TypeVersion[]
  /** The user's own order for this type. */
  readonly wanted: readonly string[] | undefined
}

/**
 * The version to restore a type from (spec/restore §2): the first wanted one that both have, what the cluster prefers, what the backup prefers,
 * or the newest that both have. Undefined when they have none in common: then the unversioned copies are restored, as without a choice.
 */
export function chooseVersion<T extends TypeVersion>({
  archived,
  served,
  wanted = [],
}: VersionFacts<T>): T | undefined {
  const common = archived.filter(({ version }) => served.some((one) => one.version === version))
  const named = (version: string | undefined): T | undefined => common.find((one) => one.version === version)
  const own = wanted.map(named).find((version) => version !== undefined)
  const preferredThere = named(served.find(({ preferred }) => preferred)?.version)
  const preferredHere = common.find(({ preferred }) => preferred)
  const newest = common.toSorted((a, b) => compareVersions(b.version, a.version))[0]
  return own ?? preferredThere ?? preferredHere ?? newest
}

/** `rockbands.music.example.io=v2beta1,v2beta2`, a line for each type, as Velero's ConfigMap `enableapigroupversions` has them; other lines say nothing. */
export function parseVersionPriorities(text: string): ReadonlyMap<string, readonly string[]> {
  const lines = text.split('\n').map((line) => line.replaceAll(/\s/g, '').split('='))
  return new Map(
    lines.flatMap(([resource = '', versions = '', ...more]): [string, string[]][] =>
      resource === '' || versions === '' || more.length > 0 ? [] : [[resource, versions.split(',')]],
    ),
  )
}

/**
 * Kubernetes' order of versions, the older first: `v1alpha1`, `v1beta2`, `v2beta1`, `v1`, `v2`; anything that is no such version
 * comes before all, by name. https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definition-versioning/#version-priority
 */
export function compareVersions(a: string, b: string): number {
  const [x, y] = [rank(a), rank(b)]
  if (x === undefined || y === undefined) {
    if (x === y) return a < b ? 1 : a > b ? -1 : 0
    return x === undefined ? -1 : 1
  }
  const first = x.findIndex((part, index) => part !== y[index])
  return first < 0 ? 0 : x[first]! - y[first]!
}

const stages = ['alpha', 'beta', undefined]

function rank(version: string): number[] | undefined {
  const parts = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version)
  if (parts === null) return undefined
  return [stages.indexOf(parts[2]), Number(parts[1]), Number(parts[3] ?? 0)]
}

import type { VolumeSnapshotLocation } from '#api/volume-snapshot-location.ts'

/** One location for each provider; `problems` say why there is none for some, and then `names` is not to be used. */
export interface ChosenSnapshotLocations {
  readonly names: readonly string[]
  readonly problems: readonly string[]
}

/**
 * Which VolumeSnapshotLocations a backup uses (spec/backup §1.4): the `named` ones, at most one for each provider, and for every other
 * provider its only location or the one in `defaults` (provider → name). Without `locations` (no installation) the names stand as they are.
 */
export function chooseSnapshotLocations(
  named: readonly string[] | undefined,
  options: {
    locations: readonly VolumeSnapshotLocation[] | undefined
    defaults?: Readonly<Record<string, string>> | undefined
  },
): ChosenSnapshotLocations {
  const { locations, defaults = {} } = options
  if (locations === undefined) return { names: named ?? [], problems: [] }
  const chosen = new Map<string, string>()
  const problems: string[] = []
  for (const name of named ?? []) {
    const provider = locations.find(({ metadata }) => metadata.name === name)?.spec.provider
    const rival = provider === undefined ? undefined : chosen.get(provider)
    if (provider === undefined) problems.push(missing(name, locations))
    else if (rival === undefined) chosen.set(provider, name)
    else if (rival !== name) problems.push(twoOf(provider, rival, name))
  }
  // As Velero does: what was named is put right first.
  if (problems.length > 0) return { names: [], problems }
  const byProvider = Map.groupBy(locations, ({ spec }) => spec.provider)
  for (const [provider, candidates] of [...byProvider].toSorted()) {
    if (chosen.has(provider)) continue
    const choice = defaultOf(provider, candidates, defaults)
    if ('name' in choice) chosen.set(provider, choice.name)
    else problems.push(choice.problem)
  }
  return { names: [...chosen.values()], problems }
}

function defaultOf(
  provider: string,
  candidates: readonly VolumeSnapshotLocation[],
  defaults: Readonly<Record<string, string>>,
): { name: string } | { problem: string } {
  const names = candidates.map(({ metadata }) => metadata.name)
  const [only] = names
  if (only !== undefined && names.length === 1) return { name: only }
  const name = Object.hasOwn(defaults, provider) ? defaults[provider] : undefined
  if (name === undefined) {
    return {
      problem: `provider ${provider} has several volume snapshot locations (${names.join(', ')}); name one in volumeSnapshotLocations, or set a default for the provider`,
    }
  }
  if (names.includes(name)) return { name }
  return {
    problem: `the default volume snapshot location of provider ${provider} is ${name}, which does not exist; its locations are: ${names.join(', ')}`,
  }
}

function missing(name: string, locations: readonly VolumeSnapshotLocation[]): string {
  const known = locations.map(({ metadata }) => metadata.name).join(', ') || 'none exist'
  return `volume snapshot location "${name}" not found; make it, or choose one of: ${known}`
}

function twoOf(provider: string, one: string, other: string): string {
  return `volume snapshot locations ${one} and ${other} have the same provider, ${provider}; a backup uses one for each provider`
}

/** Which types come first and which last, by `plural.group`; the others stand between them. */
export interface Priorities {
  readonly high: readonly string[]
  readonly low: readonly string[]
}

/** Reads Velero's server flag `--restore-resource-priorities`: a list in which a single `-` parts first from last. */
export function parsePriorities(_list: readonly string[]): Priorities {
  throw new Error('being written')
}

/** Velero's strict order of types: first ones, the rest by name, last ones (spec/restore §3). Every resource comes once. */
export function restoreOrder(_resources: Iterable<string>, _priorities?: Priorities): string[] {
  throw new Error('being written')
}

/** `resources` in groups: the types of one group may be restored at the same time, each group after the one before. CRDs are alone in the first one, Namespaces next. With `priorities` each named type is a group of its own. */
export function restoreWaves(_resources: Iterable<string>, _priorities?: Priorities): string[][] {
  throw new Error('being written')
}

import type { KubeClient } from '#kube/client.ts'
import type { BackupScope } from '#selection/backup-scope.ts'
import type { CollectedRef } from './collected.ts'
import type { Cut } from './cut.ts'
import type { ListContext, Reading } from './list.ts'
import type { Reference, Relations } from './relations.ts'
import type { Replayable } from './settle.ts'
import type { StartedType } from './start.ts'
import type { Wanted } from './wanted.ts'

export interface CollectOptions {
  readonly kube: KubeClient
  readonly cut: Cut
  readonly scope: BackupScope
  readonly relations: Relations
  /** Objects that come first among those of their type, in this order: plural → `namespace/name` or `name` (spec/backup §3.9). */
  readonly order?: ReadonlyMap<string, readonly string[]> | undefined
  /** Most objects per page; default 500. */
  readonly pageSize?: number | undefined
  /** Lists that are read at the same time; default 3. */
  readonly parallel?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** A collection under way: what its parts share. */
export interface Run extends CollectOptions {
  readonly context: ListContext
  readonly readings: Reading[]
  readonly missing: Reference[]
  readonly types: readonly StartedType[]
  readonly wanted: Wanted
  /** Namespaces of which a listed object was taken; only kept when a selector is set. */
  readonly populated: Set<string>
  /** Every list that objects were taken from. */
  readonly replayables: Replayable[]
  readonly gone: Map<string, CollectedRef>
  readonly missingOrdered: Reference[]
}

/** Where a running backup stands. */
export interface BackupProgress {
  phase: 'preparing' | 'collecting' | 'finishing'
  /** Objects that will be looked at; unknown before every type was asked, and it may still grow by objects that others bring along. */
  totalItems?: number | undefined
  /** Objects in the archive so far. */
  itemsBackedUp: number
  /** Bytes of the archive that the store took so far. */
  bytes: number
  /** The resourceVersion of the cut, once it is chosen. */
  resourceVersion?: string | undefined
}

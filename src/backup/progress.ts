/** Where a running backup stands. */
export interface BackupProgress {
  phase: 'preparing' | 'collecting' | 'waiting' | 'finishing'
  /** How the operations of plug-ins stand, once there are any and the backup waits for them. */
  operations?: { attempted: number; completed: number; failed: number } | undefined
  /** Objects that will be looked at; unknown before every type was asked, and it may still grow by objects that others bring along. */
  totalItems?: number | undefined
  /** Objects in the archive so far. */
  itemsBackedUp: number
  /** Bytes of the archive that the store took so far. */
  bytes: number
  /** The resourceVersion of the cut, once it is chosen. */
  resourceVersion?: string | undefined
}

/** Tells a listener of progress, but not of every step. */
export interface ProgressMeter {
  readonly now: Readonly<BackupProgress>
  /** Takes note; the listener hears of it if it has not been told for a while. */
  update(change: Partial<BackupProgress>): void
  /** As `update`, and the listener hears of it at once. */
  tell(change: Partial<BackupProgress>): void
}

const QUIET_MS = 200

/** A meter at zero. `now` gives the time. */
export function progressMeter(
  listener: ((progress: BackupProgress) => void) | undefined,
  now: () => Date,
): ProgressMeter {
  const progress: BackupProgress = { phase: 'preparing', itemsBackedUp: 0, bytes: 0 }
  let told = 0
  const tell = (change: Partial<BackupProgress>): void => {
    Object.assign(progress, change)
    told = now().getTime()
    listener?.({ ...progress })
  }
  return {
    now: progress,
    tell,
    update(change) {
      Object.assign(progress, change)
      if (listener !== undefined && now().getTime() - told >= QUIET_MS) tell({})
    },
  }
}

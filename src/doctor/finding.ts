/** `critical`: what is thought to be safe is not. `warning`: less is safe than one may think. `note`: good to know. */
export type Severity = 'critical' | 'warning' | 'note'

/** From the worst on. */
export const severities: readonly Severity[] = ['critical', 'warning', 'note']

/** What a finding is about; scripts rely on these words. */
export type Problem =
  | 'store-unreadable'
  | 'record-damaged'
  | 'archive-missing'
  | 'archive-damaged'
  | 'file-damaged'
  | 'backup-failed'
  | 'backup-partial'
  | 'backup-unfinished'
  | 'leftover'
  | 'expired'
  | 'volume-data-missing'
  | 'secrets-in-plain-text'
  | 'foreign-folder'
  | 'not-locked'
  | 'no-backup'
  | 'namespace-without-backup'
  | 'namespace-backup-old'
  | 'location-unavailable'
  | 'schedule-idle'
  | 'no-schedule'
  | 'repository-not-ready'
  | 'repository-maintenance-failed'
  | 'repository-maintenance-overdue'

/** One thing that was found, with what to do about it. */
export interface Finding {
  readonly severity: Severity
  readonly problem: Problem
  /** `backup nightly`, `namespace shop`, `store s3://…`. */
  readonly subject: string
  readonly message: string
  readonly next: string
}

// archive/ turns objects into Velero's tarball and metadata files and back, and owns that format alone (docs/format.md).
// It must never know the cluster, the store, or why an object is in a backup.

/** What can be wrong with an archive or artifact. Closed: callers switch over it. */
export type ArchiveProblem =
  | 'not-gzip'
  | 'corrupt'
  | 'truncated'
  | 'trailing-data'
  | 'unsafe-entry'
  | 'too-large'
  | 'invalid-object'
  | 'invalid-json'
  | 'unsupported'
  | 'missing-entry'
  | 'no-space'
  | 'closed'

/** An archive or artifact that cannot be written or read. The message names the entry or file, what is wrong and what to do next. */
export class ArchiveError extends Error {
  override readonly name = 'ArchiveError'
  readonly problem: ArchiveProblem
  constructor(problem: ArchiveProblem, message: string, options?: ErrorOptions) {
    super(message, options)
    this.problem = problem
  }
}

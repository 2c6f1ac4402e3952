// CONTRACT (owner: archive/). The owner completes the file.

export type LogLevel = 'debug' | 'info' | 'warning' | 'error'

/** Fields of one line. `namespace` ('' = cluster-scoped), `resource`, `name` and `error` decide the entry of the results file. */
export interface LogFields {
  namespace?: string | undefined
  resource?: string | undefined
  name?: string | undefined
  error?: string | undefined
  [field: string]: string | number | boolean | undefined
}

/** The log of one backup or restore. Lines go to the stored `-logs.gz` and, for a backup, warnings and errors to its results. */
export interface RunLog {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warning(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
}

/** `{velero, cluster, namespaces}` of a results file (spec/object-store §6). */
export interface ResultSet {
  velero?: string[]
  cluster?: string[]
  namespaces?: Record<string, string[]>
}

export interface Results {
  warnings: ResultSet
  errors: ResultSet
}

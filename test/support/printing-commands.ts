/** What a command that prints objects is tried on: a cluster with these in it. */
export interface Furnished {
  /** A namespace with a few objects. */
  readonly shop: string
  readonly backup: string
  readonly restore: string
  readonly schedule: string
}

/**
 * Arguments for every command with `-o json`, by its words (test/documented-commands.test.ts sees to it that none is missing); the formats
 * are added. None of them changes anything.
 */
export function printingCommands({ shop, backup, restore, schedule }: Furnished): Readonly<Record<string, string[]>> {
  return {
    'backup create': ['any', '--include-namespaces', shop],
    'backup get': [],
    'backup describe': [backup],
    'backup contents': [backup],
    'backup diff': [backup, '--live'],
    'restore create': ['any', '--from-backup', backup, '--dry-run'],
    'restore get': [],
    'restore describe': [restore],
    'schedule create': ['any', '--schedule', '@daily'],
    'schedule get': [],
    'schedule describe': [schedule],
    'schedule retention': [schedule],
    'backup-location create': ['any', '--provider', 'aws', '--bucket', 'b'],
    'backup-location get': [],
    'snapshot-location create': ['any', '--provider', 'aws'],
    'snapshot-location get': [],
    'repo get': [],
    'volume list': [],
    'plugin get': [],
    doctor: [],
    install: ['--provider', 'aws', '--bucket', 'b', '--no-secret', '--dry-run'],
    'sandbox status': [],
    version: [],
  }
}

import { cleanForBackup } from '#items/clean-for-backup.ts'
import { startBackupActions } from '#plugins/actions.ts'
import { ActingOnItems, type ItemActionOptions, type ItemActions } from './acting-on-items.ts'
import { openBackupOperations } from './operations.ts'

export type { ItemActions } from './acting-on-items.ts'

/** Lets plug-ins act on the items of one backup (spec/backup §4.4 and §7). Without plug-ins nothing stands between the lists and the archive. */
export function openItemActions(options: ItemActionOptions): ItemActions {
  const { plugins, cut, log, signal } = options
  if (plugins.length === 0) return untouched(options)
  const actions = startBackupActions(plugins, {
    types: cut.types,
    signal,
    onOutput: (line, plugin) => log.info(line, { plugin }),
  })
  return new ActingOnItems(options, actions)
}

function untouched(options: ItemActionOptions): ItemActions {
  const { collection, items, backup } = options
  const operations = openBackupOperations(options)
  return {
    operations,
    async *items() {
      yield* items
      await operations.settle()
    },
    clean: (item) => cleanForBackup(item, { backupName: backup.metadata.name }),
    get missing() {
      return collection.missing
    },
    get gone() {
      return collection.gone
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}

import type { Command } from './command.ts'
import { backupContents } from './commands/backup-contents.ts'
import { backupCreate } from './commands/backup-create.ts'
import { backupDelete } from './commands/backup-delete.ts'
import { backupDescribe } from './commands/backup-describe.ts'
import { backupDiff } from './commands/backup-diff.ts'
import { backupDownload } from './commands/backup-download.ts'
import { backupGet } from './commands/backup-get.ts'
import { backupLogs } from './commands/backup-logs.ts'
import { backupCancel, restoreCancel } from './commands/cancel.ts'
import { clientConfigCommands } from './commands/client-config.ts'
import { completion } from './commands/completion.ts'
import { debug } from './commands/debug.ts'
import { demo } from './commands/demo.ts'
import { doctor } from './commands/doctor.ts'
import { install } from './commands/install.ts'
import { locationCreate } from './commands/location-create.ts'
import { locationDelete } from './commands/location-delete.ts'
import { locationGet } from './commands/location-get.ts'
import { locationSet } from './commands/location-set.ts'
import { otherWays } from './commands/other-ways.ts'
import { pluginGet } from './commands/plugin.ts'
import { repositoryGet } from './commands/repository-get.ts'
import { restoreCreate } from './commands/restore-create.ts'
import { restoreDelete } from './commands/restore-delete.ts'
import { restoreDescribe } from './commands/restore-describe.ts'
import { restoreGet } from './commands/restore-get.ts'
import { restoreLogs } from './commands/restore-logs.ts'
import { sandboxCommands } from './commands/sandbox.ts'
import { scheduleCreate } from './commands/schedule-create.ts'
import { scheduleDelete } from './commands/schedule-delete.ts'
import { scheduleDescribe } from './commands/schedule-describe.ts'
import { scheduleGet } from './commands/schedule-get.ts'
import { schedulePause, scheduleUnpause } from './commands/schedule-pause.ts'
import { scheduleRetention } from './commands/schedule-retention.ts'
import { server } from './commands/server.ts'
import { snapshotLocationCreate, snapshotLocationGet, snapshotLocationSet } from './commands/snapshot-location.ts'
import { uninstall } from './commands/uninstall.ts'
import { version } from './commands/version.ts'
import { volumeList } from './commands/volume-list.ts'

const withoutCompletion: readonly Command[] = [
  backupCreate,
  backupGet,
  backupDescribe,
  backupContents,
  backupDiff,
  backupLogs,
  backupDownload,
  backupCancel,
  backupDelete,
  restoreCreate,
  restoreGet,
  restoreDescribe,
  restoreLogs,
  restoreCancel,
  restoreDelete,
  scheduleCreate,
  scheduleGet,
  scheduleDescribe,
  schedulePause,
  scheduleUnpause,
  scheduleRetention,
  scheduleDelete,
  locationCreate,
  locationGet,
  locationSet,
  locationDelete,
  snapshotLocationCreate,
  snapshotLocationGet,
  snapshotLocationSet,
  repositoryGet,
  pluginGet,
  volumeList,
  doctor,
  install,
  uninstall,
  server,
  ...clientConfigCommands,
  ...sandboxCommands,
  demo,
  debug,
  version,
  ...otherWays,
]

/** Every command, in the order of the help. Completion is made from the others. */
export const commands: readonly Command[] = [...withoutCompletion, completion(withoutCompletion)]

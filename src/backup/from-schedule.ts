import { Backups, type Backup } from '#api/backup.ts'
import { labelKeys, labelValue } from '#api/labels.ts'
import { Schedules, type Schedule } from '#api/schedule.ts'
import { timestamp } from '#api/timestamp.ts'
import { apiVersionOf } from '#kube/object.ts'

/**
 * The backup that `schedule` asks for at `now` (spec/backup §9): its template; the labels of the template, or the schedule's own without
 * them, and that of the schedule's name; its annotations; owned by it if it says so.
 */
export function backupFromSchedule(schedule: Schedule, now: Date): Backup {
  const { name, namespace, annotations, uid } = schedule.metadata
  const { template, useOwnerReferencesInBackup } = schedule.spec
  const own = template.metadata?.labels ?? {}
  const labels = Object.keys(own).length > 0 ? own : schedule.metadata.labels
  const owner = { apiVersion: apiVersionOf(Schedules), kind: Schedules.kind, name, uid: uid ?? '', controller: true }
  return {
    apiVersion: apiVersionOf(Backups),
    kind: Backups.kind,
    metadata: {
      name: scheduledName(name, now),
      namespace,
      labels: { ...labels, [labelKeys.scheduleName]: labelValue(name) },
      ...(annotations === undefined ? {} : { annotations }),
      ...(useOwnerReferencesInBackup === true ? { ownerReferences: [owner] } : {}),
    },
    spec: template,
  }
}

/** `<schedule>-YYYYMMDDhhmmss` in UTC. */
export function scheduledName(schedule: string, now: Date): string {
  return `${schedule}-${timestamp(now).replaceAll(/[-:TZ]/g, '')}`
}

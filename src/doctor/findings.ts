import { hasEnded } from '#api/phases.ts'
import type { BackupFacts, ClusterFacts, StoreFacts } from './facts.ts'
import { severities, type Finding } from './finding.ts'
import { aboutRepositories } from './repositories.ts'
import { coverage, ended, isRestorable, readByRestores, type Coverage } from './coverage.ts'

/** Everything that was seen, and by what it is judged. */
export interface Examined {
  readonly stores: readonly StoreFacts[]
  readonly cluster?: ClusterFacts | undefined
  readonly now: Date
  /** After how many ms the last good backup of a namespace is an old one. */
  readonly maxAge: number
}

const HOUR = 3_600_000

/** All findings, the worst first; in each degree in the order of stores, backups, namespaces, cluster. */
export function findings(examined: Examined): Finding[] {
  const { stores, now } = examined
  const all = [
    ...stores.flatMap((store) => [
      ...aboutStore(store, now),
      ...store.backups.flatMap((backup) => [...aboutBackup(backup, now)]),
      ...aboutContents(store),
    ]),
    ...aboutNamespaces(examined),
    ...(examined.cluster === undefined ? [] : aboutCluster(examined.cluster)),
    ...aboutRepositories(examined.cluster?.repositories ?? [], now),
  ]
  return severities.flatMap((severity) => all.filter((finding) => finding.severity === severity))
}

function* aboutStore(store: StoreFacts, now: Date): Generator<Finding> {
  const subject = `store ${store.place}`
  if (store.unreadable !== undefined) {
    const next = 'see that it can be reached with these credentials; nothing else is known of it'
    yield { severity: 'critical', problem: 'store-unreadable', subject, message: store.unreadable, next }
    return
  }
  if (store.backups.length === 0) {
    const next = 'make one: lifeboat backup create NAME'
    yield { severity: 'warning', problem: 'no-backup', subject, message: 'there is no backup in it', next }
  }
  for (const { folder, modified } of store.leftovers) {
    const hours = Math.floor((now.getTime() - modified.getTime()) / HOUR)
    // A backup writes its record last, and may take its time.
    if (hours < 24) continue
    const message = `files without the record that would make them count; the newest was written ${hours} hours ago`
    const next = 'left by a program that died; once nobody works on it, the folder can be deleted'
    yield { severity: 'note', problem: 'leftover', subject: `folder ${folder}`, message, next }
  }
  yield* aboutProtection(store)
  for (const folder of store.strangers) {
    const next = 'move it: Velero finds a location with other folders unusable'
    const message = 'does not belong to a store of backups'
    yield { severity: 'warning', problem: 'foreign-folder', subject: `folder ${folder}/`, message, next }
  }
}

/** Whoever gets hold of the credentials of a server can delete its backups, unless the store does not let them. */
function* aboutProtection({ place, protection }: StoreFacts): Generator<Finding> {
  if (protection?.locks === 'used') return
  const subject = `store ${place}`
  const found = { severity: 'note', problem: 'not-locked', subject } as const
  if (protection === undefined) {
    const next = 'keep a copy where others cannot write, or use a bucket with Object Lock'
    yield {
      ...found,
      message: 'a directory keeps no versions and has no locks: who can write there can delete all',
      next,
    }
  } else if (protection.locks === 'possible') {
    const next = 'set objectLockMode and objectLockDays: see docs/locations.md'
    yield { ...found, message: 'the bucket could lock what is put into it, but nothing is locked', next }
  } else if (protection.locks === undefined) {
    const next = 'allow s3:GetBucketObjectLockConfiguration and s3:GetBucketVersioning'
    yield { ...found, message: 'nobody may know with these credentials whether the bucket locks anything', next }
  } else {
    const next = 'use a bucket with Object Lock, and objectLockMode: see docs/locations.md'
    const versions = protection.versions === true ? 'but keeps older versions' : 'nor does it keep older versions'
    yield { ...found, message: `the bucket has no locks, ${versions}`, next }
  }
}

const anotherBackup = 'restore from another backup, and make a new one'

function* aboutBackup(facts: BackupFacts, now: Date): Generator<Finding> {
  const subject = `backup ${facts.name}`
  if ('damage' in facts.record) {
    const message = `velero-backup.json cannot be read: ${facts.record.damage}`
    yield { severity: 'critical', problem: 'record-damaged', subject, message, next: anotherBackup }
    return
  }
  const { status } = facts.record.backup
  const phase = status?.phase
  if (phase === 'Failed' || phase === 'FailedValidation') {
    const message = `${phase}${status?.failureReason ? `: ${status.failureReason}` : ''}; it cannot be restored`
    yield {
      severity: 'warning',
      problem: 'backup-failed',
      subject,
      message,
      next: 'delete it; find the cause in its log',
    }
    return
  }
  yield* aboutFiles(facts, subject)
  if (phase === 'PartiallyFailed') {
    const message = `PartiallyFailed with ${status?.errors ?? 0} errors; what they name is not in it`
    yield {
      severity: 'warning',
      problem: 'backup-partial',
      subject,
      message,
      next: `see them: lifeboat backup logs ${facts.name}`,
    }
  }
  if (!hasEnded(phase)) {
    const message = `its record says ${phase ?? 'New'}: it is not complete`
    yield {
      severity: 'warning',
      problem: 'backup-unfinished',
      subject,
      message,
      next: 'see whether its server still works on it',
    }
  }
  const expired = Date.parse(String(status?.expiration ?? ''))
  if (expired + 24 * HOUR < now.getTime()) {
    const message = `expired at ${new Date(expired).toISOString()} and was not deleted since`
    yield {
      severity: 'note',
      problem: 'expired',
      subject,
      message,
      next: 'a server deletes it when it runs; or: lifeboat backup delete',
    }
  }
}

function* aboutFiles({ files, damaged, name }: BackupFacts, subject: string): Generator<Finding> {
  if (!files.get('contents')) {
    const message = files.has('contents') ? `${name}.tar.gz is empty` : `${name}.tar.gz is missing`
    yield {
      severity: 'critical',
      problem: 'archive-missing',
      subject,
      message: `${message}; it cannot be restored`,
      next: anotherBackup,
    }
  }
  for (const { artifact, why } of damaged) {
    if (readByRestores.has(artifact)) {
      yield {
        severity: 'critical',
        problem: 'archive-damaged',
        subject,
        message: `it cannot be restored: ${why}`,
        next: anotherBackup,
      }
    } else {
      const next = 'the objects are in the archive all the same: restore it somewhere to see, and make a new backup'
      yield { severity: 'warning', problem: 'file-damaged', subject, message: `${artifact}: ${why}`, next }
    }
  }
}

/** What many backups have in common is told once, with the newest one as the example. */
function* aboutContents({ place, backups }: StoreFacts): Generator<Finding> {
  const good = backups.filter(isRestorable).toSorted((a, b) => ended(b) - ended(a))
  const subject = `store ${place}`
  const [bare, ...others] = good.filter(({ volumesWithoutData }) => volumesWithoutData.length > 0)
  if (bare !== undefined) {
    const message = `the data of ${some(bare.volumesWithoutData)} is not in backup ${bare.name}${alsoIn(others)}`
    const next = 'a restore brings these volumes back empty: save their data another way'
    yield { severity: 'warning', problem: 'volume-data-missing', subject, message, next }
  }
  const [open, ...more] = good.filter(({ secrets }) => secrets > 0)
  if (open !== undefined) {
    const message = `backup ${open.name} holds ${open.secrets} Secrets as plain text${alsoIn(more)}`
    const next = 'let nobody read the store who may not read them, and have the store encrypt what it keeps'
    yield { severity: 'note', problem: 'secrets-in-plain-text', subject, message, next }
  }
}

function some(names: readonly string[]): string {
  const few = names.slice(0, 3).join(', ')
  return names.length <= 3 ? few : `${few} and ${names.length - 3} more volumes`
}

function alsoIn(others: readonly BackupFacts[]): string {
  return others.length === 0 ? '' : `, and so it is in ${others.length} other${others.length === 1 ? '' : 's'}`
}

function* aboutNamespaces({ stores, cluster, now, maxAge }: Examined): Generator<Finding> {
  const covered = new Map(coverage(stores).map((one) => [one.namespace, one]))
  const next = 'make one, or a schedule: lifeboat schedule create'
  // Without a cluster, nobody knows which namespaces there still are.
  for (const namespace of cluster?.namespaces ?? []) {
    const subject = `namespace ${namespace}`
    const last = covered.get(namespace)
    if (last === undefined) {
      const message = 'no backup that can be restored holds anything of it'
      yield { severity: 'critical', problem: 'namespace-without-backup', subject, message, next }
    } else if (isOld(last, now, maxAge)) {
      const message = `its last good backup, ${last.backup}, is of ${last.completed}`
      yield { severity: 'warning', problem: 'namespace-backup-old', subject, message, next }
    }
  }
}

function isOld({ completed }: Coverage, now: Date, maxAge: number): boolean {
  return now.getTime() - Date.parse(completed) > maxAge
}

function* aboutCluster({ unavailable, idleSchedules, schedules }: ClusterFacts): Generator<Finding> {
  for (const { name, why } of unavailable) {
    const next = 'no backup is made there and none restored: see docs/locations.md'
    yield { severity: 'critical', problem: 'location-unavailable', subject: `location ${name}`, message: why, next }
  }
  for (const { name, why } of idleSchedules) {
    const next = `see: lifeboat schedule describe ${name}`
    yield { severity: 'warning', problem: 'schedule-idle', subject: `schedule ${name}`, message: why, next }
  }
  if (schedules === 0) {
    const next = 'make one: lifeboat schedule create NAME --schedule "30 2 * * *"'
    yield { severity: 'note', problem: 'no-schedule', subject: 'cluster', message: 'no schedule makes backups', next }
  }
}

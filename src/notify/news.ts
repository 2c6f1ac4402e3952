// What people are told, and how it gets to them: which news there is (news.ts), what is said about it (message.ts), and two ways out, a
// webhook and mail. This room knows nothing of a cluster, of Secrets or of what was told before; it is given all of that.
import type { NotificationEvent } from '#api/notification.ts'

/** A backup or restore that has ended, in this cluster. */
export interface EndedRun {
  readonly kind: 'Backup' | 'Restore'
  readonly name: string
  /** Empty for what no schedule made, and for every restore. */
  readonly schedule: string
  readonly phase: 'Completed' | 'PartiallyFailed' | 'Failed' | 'FailedValidation'
  readonly ended: Date
  /** What went wrong, as a sentence; empty when it says no more than its phase. */
  readonly reason: string
  /** When it was told of; undefined when it was not. */
  readonly told: Date | undefined
}

/** A schedule that makes backups. */
export interface KnownSchedule {
  readonly name: string
  readonly created: Date
  readonly paused: boolean
  /** When it was last told that there is no good backup of it. */
  readonly toldOverdue: Date | undefined
}

/** What somebody wants to know. */
export interface Interest {
  readonly events: ReadonlySet<NotificationEvent>
  /** Names, or patterns with `*`; empty: all of them, and what no schedule made. */
  readonly schedules: readonly string[]
  readonly restores: boolean
  /** ms; undefined when overdue schedules are of no interest. */
  readonly noGoodBackupFor: number | undefined
  /** ms until the same trouble is told again. */
  readonly repeatAfter: number
  /** What ended before is old. */
  readonly since: Date
}

/** One thing to tell. */
export type News =
  | { readonly event: 'Failed' | 'PartiallyFailed' | 'Recovered'; readonly run: EndedRun }
  | { readonly event: 'Overdue'; readonly schedule: string; readonly lastGood: Date | undefined }

/** Everything that is worth telling now. Told the same again with `told` filled in, it is told once. Pure. */
export function newsFor(
  interest: Interest,
  { runs, schedules, now }: { runs: readonly EndedRun[]; schedules: readonly KnownSchedule[]; now: Date },
): News[] {
  const wanted = runs.filter((run) => concerns(interest, run))
  const single = wanted.filter(({ schedule }) => schedule === '').toSorted(byEnd)
  const ofSchedules = Map.groupBy(
    wanted.filter(({ schedule }) => schedule !== ''),
    ({ schedule }) => schedule,
  )
  const toldOverdue = new Map(schedules.map((one) => [one.name, one.toldOverdue]))
  const news: News[] = [
    ...single.flatMap((run) => (run.told === undefined && run.ended >= interest.since ? failure(run, interest) : [])),
    ...[...ofSchedules].flatMap(([name, series]) =>
      newsOfSeries(series.toSorted(byEnd), { interest, now, toldOverdue: toldOverdue.get(name) }),
    ),
  ]
  return [...news, ...overdueNews(interest, { runs: ofSchedules, schedules, now })]
}

/** Whether a name is one of `patterns`, in which `*` stands for anything. */
export function matchesName(patterns: readonly string[], name: string): boolean {
  return patterns.some((pattern) => {
    const parts = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, String.raw`\$&`))
    return new RegExp(`^${parts.join('.*')}$`).test(name)
  })
}

function concerns({ schedules, restores }: Interest, run: EndedRun): boolean {
  if (schedules.length > 0) return run.schedule !== '' && matchesName(schedules, run.schedule)
  return run.kind === 'Backup' || restores
}

function eventOf({ phase }: EndedRun): 'Failed' | 'PartiallyFailed' | undefined {
  if (phase === 'Completed') return undefined
  return phase === 'PartiallyFailed' ? 'PartiallyFailed' : 'Failed'
}

function failure(run: EndedRun, { events }: Interest): News[] {
  const event = eventOf(run)
  return event !== undefined && events.has(event) ? [{ event, run }] : []
}

/** Of the runs of one schedule only the last counts: it is told when things go wrong, now and then while they stay so, and when they are well again. */
function newsOfSeries(
  series: readonly EndedRun[],
  { interest, now, toldOverdue }: { interest: Interest; now: Date; toldOverdue: Date | undefined },
): News[] {
  const last = series.at(-1)
  if (last === undefined || last.told !== undefined || last.ended < interest.since) return []
  const before = series.slice(0, -1)
  const streak = before.slice(before.findLastIndex(({ phase }) => phase === 'Completed') + 1)
  const told = streak.flatMap((run) => (run.told === undefined ? [] : [run.told.getTime()]))
  if (eventOf(last) !== undefined) {
    const quiet = told.some((time) => now.getTime() - time < interest.repeatAfter)
    return quiet ? [] : failure(last, interest)
  }
  const silent = !interest.events.has('Failed') && !interest.events.has('PartiallyFailed')
  const wasOverdue =
    toldOverdue !== undefined && last.ended > toldOverdue && toldOverdue > (lastGood(before)?.ended ?? new Date(0))
  const isRecovery = told.length > 0 || (silent && streak.length > 0) || wasOverdue
  return isRecovery && interest.events.has('Recovered') ? [{ event: 'Recovered', run: last }] : []
}

function overdueNews(
  interest: Interest,
  facts: { runs: ReadonlyMap<string, readonly EndedRun[]>; schedules: readonly KnownSchedule[]; now: Date },
): News[] {
  const { noGoodBackupFor: limit, repeatAfter } = interest
  if (limit === undefined || !interest.events.has('Overdue')) return []
  return facts.schedules.flatMap(({ name, created, paused, toldOverdue }): News[] => {
    if (paused || (interest.schedules.length > 0 && !matchesName(interest.schedules, name))) return []
    const good = lastGood(facts.runs.get(name) ?? [])?.ended
    const age = facts.now.getTime() - (good ?? created).getTime()
    const quiet =
      toldOverdue !== undefined &&
      toldOverdue > (good ?? created) &&
      facts.now.getTime() - toldOverdue.getTime() < repeatAfter
    return age > limit && !quiet ? [{ event: 'Overdue', schedule: name, lastGood: good }] : []
  })
}

function lastGood(series: readonly EndedRun[]): EndedRun | undefined {
  return series
    .filter(({ phase }) => phase === 'Completed')
    .toSorted(byEnd)
    .at(-1)
}

function byEnd(a: EndedRun, b: EndedRun): number {
  return a.ended.getTime() - b.ended.getTime() || (a.name < b.name ? -1 : 1)
}

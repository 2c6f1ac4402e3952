import type { Cost } from './figures.ts'
import { aligned } from './report.ts'
import type { SchedulesResult } from './schedules.ts'
import type { SyncResult } from './sync.ts'

/** A table, and the ratios in words. */
export function syncReport({ options, first, start, pass, rawFolders, rawObjects }: SyncResult): string {
  const { backups, store, runs } = options
  const rows = [
    ['', 'seconds', 'CPU s', 'peak RSS', 'API calls'],
    row('a server that knows none, until all are objects', first),
    row('a server that starts later, until its first look is over', start),
    row('a look when nothing has changed', pass),
    row('raw: the folders', rawFolders),
    row('raw: the Backup objects', rawObjects),
  ]
  return [
    `${backups} backups in ${store === 'dir' ? 'a directory' : 'an S3 server'}, looks and raw lists: median of ${runs}`,
    ...aligned(rows),
    `a look takes ${times(pass, rawFolders)} times the raw list of the folders, ${times(pass, rawObjects)} times that of the objects`,
  ].join('\n')
}

/** The same for schedules. */
export function schedulesReport({ options, start, idle, asked, ended, raw }: SchedulesResult): string {
  const { schedules } = options
  const rows = [
    ['', 'seconds', 'CPU s', 'peak RSS', 'API calls'],
    row('a server that starts, until it has looked at all', start),
    row('a minute in which nothing is due', idle),
    row('all due at once, until each has its backup', asked),
    row('from then until each backup has been refused at its turn', ended),
    row('raw: the Schedule objects', raw),
  ]
  return [
    `${schedules} schedules; raw lists: median of ${options.runs}`,
    ...aligned(rows),
    `looking at all of them when a server starts takes ${times(start, raw)} times the raw list of them`,
  ].join('\n')
}

function times(ours: Cost, raw: Cost): string {
  return (ours.seconds / raw.seconds).toFixed(2)
}

function row(who: string, { seconds, cpuSeconds, peakRssMB, apiCalls }: Cost): string[] {
  return [who, seconds.toFixed(2), cpuSeconds.toFixed(2), `${peakRssMB.toFixed(0)} MB`, apiCalls.toFixed(0)]
}

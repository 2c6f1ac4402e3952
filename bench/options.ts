import { parseArgs } from 'node:util'
import type { Shape } from './fill.ts'

const works = ['backup', 'restore', 'churn', 'sync', 'schedules', 'volumes', 'suite'] as const
type Work = (typeof works)[number]

/** What to measure. */
export interface BenchOptions {
  /**
   * `churn`: backups of a cluster that changes all the time, compared with it. `sync`: a location with many backups. `schedules`: many schedules, due
   * at once. `volumes`: a namespace of nothing but volumes of a CSI driver. `suite`: all measurements of backups, restores and volumes in docs/performance.md.
   */
  work: Work
  /** Of a suite. */
  part: 'all' | 'backup' | 'restore' | 'volumes'
  /** By which a suite divides all numbers of objects and volumes: for a trial. */
  scale: number
  /** What a restore finds: clusters that are empty, everything there already, or a tenth of it changed and to be updated. */
  case: 'empty' | 'existing' | 'update'
  /** How many objects the cluster is filled with. */
  objects: number
  /** How many backups are in the location. */
  backups: number
  /** How many schedules there are. */
  schedules: number
  /** How many volumes there are. */
  volumes: number
  /** Seconds from a snapshot being taken to its being ready. */
  readyAfter: number
  /** What the objects are. */
  shape: Shape
  store: 'dir' | 's3'
  /** `cli`: a process of its own per run, with `--store`. `server`: `lifeboat server`, asked through custom resources. */
  door: 'cli' | 'server'
  peer: 'velero' | undefined
  /** How often Lifeboat and the raw calls are measured; the median counts. */
  runs: number
  /** How often the peer makes a backup; its restores are measured once, and its backups of volumes unless told otherwise. */
  peerRuns: number
  /** Objects made, changed and deleted a second, while a churn is measured. */
  changes: number
  json: boolean
  /** Folder for V8's CPU profiles of Lifeboat's processes. */
  profile: string | undefined
}

/** Works on a cluster that is filled first. */
const fills: readonly Work[] = ['backup', 'restore', 'churn']

const usage =
  'npm run bench -- backup|restore|churn --objects N | sync --backups N | schedules --schedules N | volumes --volumes N [--ready-after SECONDS] | suite [backup|restore|volumes] [--scale N] [--case empty|existing|update] [--shape mixed|namespaces|secrets] [--store dir|s3] [--door cli|server] [--peer velero] [--runs N] [--peer-runs N] [--changes N] [--profile DIR] [--json]'

/** Reads a command line; a mistake comes back as one line that says what is wrong and what is right. */
export function parseOptions(args: readonly string[]): BenchOptions | { mistake: string } {
  try {
    return optionsOf(args)
  } catch (error) {
    const [mistake = ''] = (error as Error).message.split('\n')
    return { mistake: `${mistake.replace(/\.$/, '')}; usage: ${usage}` }
  }
}

function optionsOf(args: readonly string[]): BenchOptions {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      objects: { type: 'string' },
      backups: { type: 'string' },
      schedules: { type: 'string' },
      volumes: { type: 'string' },
      'ready-after': { type: 'string', default: '0' },
      shape: { type: 'string', default: 'mixed' },
      store: { type: 'string', default: 'dir' },
      case: { type: 'string', default: 'empty' },
      door: { type: 'string', default: 'cli' },
      peer: { type: 'string' },
      changes: { type: 'string', default: '500' },
      runs: { type: 'string', default: '3' },
      'peer-runs': { type: 'string' },
      scale: { type: 'string', default: '1' },
      profile: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  })
  const [first, part = 'all', ...more] = positionals
  if (first === undefined) throw new Error(`say what to measure: ${works.join(', ')}`)
  const work = oneOf('the work', first, works)
  const surplus = work === 'suite' ? more : positionals.slice(1)
  if (surplus.length > 0) throw new Error(`${JSON.stringify(surplus[0])} is one word too many`)
  return {
    work,
    part: oneOf('the part of the suite', part, ['all', 'backup', 'restore', 'volumes']),
    scale: countOf('--scale', values.scale),
    objects: fills.includes(work) ? countOf('--objects', values.objects) : 0,
    backups: work === 'sync' ? countOf('--backups', values.backups) : 0,
    schedules: work === 'schedules' ? countOf('--schedules', values.schedules) : 0,
    volumes: work === 'volumes' ? countOf('--volumes', values.volumes) : 0,
    readyAfter: values['ready-after'] === '0' ? 0 : countOf('--ready-after', values['ready-after']),
    case: oneOf('--case', values.case, ['empty', 'existing', 'update']),
    shape: oneOf('--shape', values.shape, ['mixed', 'namespaces', 'secrets']),
    store: oneOf('--store', values.store, ['dir', 's3']),
    door: oneOf('--door', values.door, ['cli', 'server']),
    peer: values.peer === undefined ? undefined : oneOf<'velero'>('--peer', values.peer, ['velero']),
    changes: countOf('--changes', values.changes),
    runs: countOf('--runs', values.runs),
    peerRuns: countOf('--peer-runs', values['peer-runs'] ?? (work === 'volumes' ? '1' : values.runs)),
    json: values.json,
    profile: values.profile,
  }
}

function oneOf<T extends string>(what: string, given: string | undefined, words: readonly T[]): T {
  const word = words.find((one) => one === given)
  if (word === undefined) throw new Error(`${what} must be ${words.join(' or ')}, not ${JSON.stringify(given)}`)
  return word
}

function countOf(flag: string, given: string | undefined): number {
  if (given === undefined) throw new Error(`${flag} is needed`)
  if (!/^[1-9]\d{0,6}$/.test(given)) throw new Error(`${flag} must be a whole number of at least 1, not "${given}"`)
  return Number(given)
}

import { parseArgs } from 'node:util'
import type { Shape } from './fill.ts'

/** What to measure. */
export interface BenchOptions {
  /** `churn`: backups of a cluster that changes all the time, compared with it. `suite`: all measurements of docs/performance.md. */
  work: 'backup' | 'restore' | 'churn' | 'suite'
  /** Of a suite. */
  part: 'all' | 'backup' | 'restore'
  /** By which a suite divides all numbers of objects: for a trial. */
  scale: number
  /** What a restore finds: clusters that are empty, everything there already, or a tenth of it changed and to be updated. */
  case: 'empty' | 'existing' | 'update'
  /** How many objects the cluster is filled with. */
  objects: number
  /** What the objects are. */
  shape: Shape
  store: 'dir' | 's3'
  /** `cli`: a process of its own per run, with `--store`. `server`: `lifeboat server`, asked through custom resources. */
  door: 'cli' | 'server'
  peer: 'velero' | undefined
  /** How often Lifeboat and the raw calls are measured; the median counts. */
  runs: number
  /** How often the peer makes a backup; its restores are measured once. */
  peerRuns: number
  /** Objects made, changed and deleted a second, while a churn is measured. */
  changes: number
  json: boolean
  /** Folder for V8's CPU profiles of Lifeboat's processes. */
  profile: string | undefined
}

const usage =
  'npm run bench -- backup|restore|churn --objects N | suite [backup|restore] [--scale N] [--case empty|existing|update] [--shape mixed|namespaces|secrets] [--store dir|s3] [--door cli|server] [--peer velero] [--runs N] [--peer-runs N] [--changes N] [--profile DIR] [--json]'

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
  if (first === undefined) throw new Error('say what to measure: backup, restore, churn or suite')
  const work = oneOf('the work', first, ['backup', 'restore', 'churn', 'suite'])
  const surplus = work === 'suite' ? more : positionals.slice(1)
  if (surplus.length > 0) throw new Error(`${JSON.stringify(surplus[0])} is one word too many`)
  return {
    work,
    part: oneOf('the part of the suite', part, ['all', 'backup', 'restore']),
    scale: countOf('--scale', values.scale),
    objects: work === 'suite' ? 0 : countOf('--objects', values.objects),
    case: oneOf('--case', values.case, ['empty', 'existing', 'update']),
    shape: oneOf('--shape', values.shape, ['mixed', 'namespaces', 'secrets']),
    store: oneOf('--store', values.store, ['dir', 's3']),
    door: oneOf('--door', values.door, ['cli', 'server']),
    peer: values.peer === undefined ? undefined : oneOf<'velero'>('--peer', values.peer, ['velero']),
    changes: countOf('--changes', values.changes),
    runs: countOf('--runs', values.runs),
    peerRuns: countOf('--peer-runs', values['peer-runs'] ?? values.runs),
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

import fc from 'fast-check'
import { backupKey, restoreKey } from '#store/layout.ts'
import type { Passage } from '../support/tollgate.ts'

/** The `nth` request of a kind, before it reaches its goal or when it was done but nobody knows. */
export interface Kill {
  readonly moment: Passage['moment']
  /** From `callOf`. */
  readonly call: string
  readonly nth: number
}

const around = (call: string, times = 1): Kill[] =>
  Array.from({ length: times }, (_, index) => index + 1).flatMap((nth) => [
    { moment: 'arrived', call, nth },
    { moment: 'answered', call, nth },
  ])

/** When a backup of two EBS volumes, whose snapshots are copied, may lose its server. */
export const backupKills: readonly Kill[] = [
  ...around('CreateSnapshot', 2),
  ...around('CopySnapshot', 2),
  ...around(`PUT ${backupKey('name', 'volume-snapshots')}`),
  ...around(`PUT ${backupKey('name', 'metadata')}`),
]

/** The same for a restore of it. */
export const restoreKills: readonly Kill[] = [
  ...around('CreateVolume', 2),
  ...around('POST persistentvolumes', 2),
  ...around('POST persistentvolumeclaims', 2),
  ...around(`PUT ${restoreKey('name', 'volume-info')}`),
  ...around(`PUT ${restoreKey('name', 'metadata')}`),
]

/** The same for a deletion of it. */
export const deletionKills: readonly Kill[] = around('DeleteSnapshot', 4)

/** `count` of them at random, in their order; the same ones for the same seed. */
export function chosenKills(kills: readonly Kill[], { count, seed }: { count: number; seed: number }): readonly Kill[] {
  const some = fc.shuffledSubarray([...kills], { minLength: count, maxLength: count })
  const [chosen = []] = fc.sample(some, { numRuns: 1, seed })
  return kills.filter((kill) => chosen.includes(kill))
}

/** Such as `after CreateSnapshot no. 2`. */
export function killInWords({ moment, call, nth }: Kill): string {
  return `${moment === 'arrived' ? 'before' : 'after'} ${call} no. ${nth}`
}

/** A request in few words, `name` standing for what is worked on: an action of EC2, `POST persistentvolumes`, `PUT backups/name/velero-backup.json`. */
export function callOf({ method, path }: Pick<Passage, 'method' | 'path'>, name: string): string {
  const { pathname, searchParams } = new URL(path, 'http://any')
  const action = searchParams.get('Action')
  if (action !== null) return action
  if (pathname.startsWith('/api')) return `${method} ${pathname.slice(pathname.lastIndexOf('/') + 1)}`
  return `${method} ${pathname.split('/').slice(2).join('/').replaceAll(name, 'name')}`
}

/** Whether a passage is the one at which a server that works on `name` is to be killed; to be asked about each, once. */
export function momentOf({ moment, call, nth }: Kill, name: string): (passage: Passage) => boolean {
  let seen = 0
  return (passage) => passage.moment === moment && callOf(passage, name) === call && ++seen === nth
}

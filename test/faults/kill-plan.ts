import fc from 'fast-check'
import { backupArtifacts, backupClaimKey, backupKey, type BackupArtifact } from '#store/layout.ts'
import type { Passage } from '../support/tollgate.ts'

/** The kinds of work in which a server is killed. */
export type Work = 'backup' | 'deletion' | 'import' | 'removal' | 'schedule'

/** A moment at which the server dies: at the `nth` request of a kind, before it reaches its goal or when it was done but nobody knows. */
export interface Kill {
  readonly work: Work
  readonly moment: Passage['moment']
  /** From `callOf`. */
  readonly call: string
  readonly nth: number
}

/** Everything of one of our backups without volumes. */
export const wholeBackup = backupArtifacts.filter((artifact) => !artifact.startsWith('csi-'))

const stored = (method: string, artifact: BackupArtifact): string => `${method} s3 ${backupKey('name', artifact)}`
const each = (calls: readonly string[]): Record<string, number> => Object.fromEntries(calls.map((call) => [call, 1]))
const claim = backupClaimKey('name')

const making: Readonly<Record<string, number>> = {
  'GET backups/name': 2,
  'PATCH backups/name': 4,
  'LIST s3 backups/name/': 2,
  [stored('HEAD', 'metadata')]: 2,
  ...each([`PUT s3 ${claim}`, `DELETE s3 ${claim}`]),
  ...each(wholeBackup.map((artifact) => stored('PUT', artifact))),
}

/** The requests that each work makes whatever else goes on at the same time, and how many of each kind there are at least. */
const calls: Readonly<Record<Work, Readonly<Record<string, number>>>> = {
  backup: making,
  schedule: { ...making, ...each(['GET schedules/tide', 'POST backups', 'PATCH schedules/tide']) },
  deletion: {
    'LIST s3 backups/name/': 3,
    [stored('HEAD', 'metadata')]: 2,
    ...each(wholeBackup.map((artifact) => stored('DELETE', artifact))),
    ...each(['GET', 'PATCH', 'DELETE'].map((method) => `${method} deletebackuprequests/name-x`)),
    ...each(['PATCH backups/name', 'DELETE backups/name']),
  },
  import: {
    'LIST s3 backups/': 2,
    'PATCH backupstoragelocations/default': 2,
    ...each([stored('GET', 'metadata'), stored('GET', 'pod-volume-backups'), 'POST backups']),
  },
  removal: {
    'LIST s3 backups/': 2,
    'PATCH backupstoragelocations/default': 2,
    ...each(['LIST s3 backups/name/', 'DELETE backups/name']),
  },
}

/** Moments at random; the same ones for the same seed. */
export function killPlan(count: number, seed: number): Kill[] {
  const kill = fc.constantFrom(...(Object.keys(calls) as Work[])).chain((work) =>
    fc.constantFrom(...Object.entries(calls[work])).chain(([call, times]) =>
      fc.record({
        work: fc.constant(work),
        moment: fc.constantFrom<Passage['moment'][]>('arrived', 'answered'),
        call: fc.constant(call),
        nth: fc.integer({ min: 1, max: times }),
      }),
    ),
  )
  // fast-check prefers small numbers unless told otherwise.
  return fc.sample(fc.noBias(kill), { numRuns: count, seed })
}

/** Such as `backup, after PATCH backups/name no. 2`. */
export function killInWords({ work, moment, call, nth }: Kill): string {
  return `${work}, ${moment === 'arrived' ? 'before' : 'after'} ${call} no. ${nth}`
}

const customResource = /^\/apis\/velero\.io\/v1\/namespaces\/[^/]+\/(.+)$/

/** A request in few words, `name` standing for the backup that `about` fits: `PATCH backups/name`, `PUT s3 backups/name/name.tar.gz`. Undefined for those that are of no work. */
export function callOf({ method, path }: Pick<Passage, 'method' | 'path'>, about: RegExp): string | undefined {
  const { pathname, searchParams } = new URL(path, 'http://any')
  const object = customResource.exec(pathname)?.[1]
  if (object !== undefined) return `${method} ${object.replace(about, 'name')}`
  if (pathname.startsWith('/api')) return undefined
  const prefix = searchParams.get('prefix')
  const words = prefix === null ? `${method} s3 ${pathname.split('/').slice(2).join('/')}` : `LIST s3 ${prefix}`
  return words.replaceAll(about, 'name')
}

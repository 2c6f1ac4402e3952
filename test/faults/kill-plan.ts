import fc from 'fast-check'
import type { Passage } from '../support/tollgate.ts'

/** The kinds of work in which a server is killed. */
export const works = ['backup', 'deletion', 'sync', 'schedule'] as const
export type Work = (typeof works)[number]

/** A moment at which the server dies: at the `nth` request of the work, before it reaches its goal or when it was done but nobody knows. */
export interface Kill {
  readonly work: Work
  readonly moment: Passage['moment']
  readonly nth: number
}

/** About how many requests each work makes that change something or reach the store. */
const lengths: Readonly<Record<Work, number>> = { backup: 32, deletion: 16, sync: 4, schedule: 26 }

/** Moments by which the work was begun, at random; the same ones for the same seed. */
export function killPlan(count: number, seed: number): Kill[] {
  const kill = fc.constantFrom(...works).chain((work) =>
    fc.record({
      work: fc.constant(work),
      moment: fc.constantFrom<Passage['moment'][]>('arrived', 'answered'),
      nth: fc.integer({ min: 1, max: lengths[work] }),
    }),
  )
  // fast-check prefers small numbers unless told otherwise.
  return fc.sample(fc.noBias(kill), { numRuns: count, seed })
}

/** Whether a request is of the work on the backup `name`; for a schedule, on any that it makes. */
export function isOf({ work, name }: { work: Work; name: string }, { method, path }: Passage): boolean {
  const about = (pattern: string): boolean => path.includes(pattern)
  const store = !path.startsWith('/api')
  switch (work) {
    case 'backup':
      return store ? about(`backups/${name}/`) || about(`backups%2F${name}%2F`) : about(`/backups/${name}`)
    case 'deletion':
      if (store) return about(`backups/${name}/`) || about(`backups%2F${name}%2F`)
      return method !== 'GET' && (about('/deletebackuprequests') || about(`/backups/${name}`))
    case 'sync':
      if (store) return about(`backups/${name}/`) || /prefix=backups(%2F|\/)(&|$)/.test(path)
      return method !== 'GET' && (about('/backups') || about('/backupstoragelocations'))
    case 'schedule':
      if (store) return about(`backups/${name}-`) || about(`backups%2F${name}-`)
      return method !== 'GET' && (about('/schedules/') || /\/backups(\?|$)/.test(path) || about(`/backups/${name}-`))
  }
}

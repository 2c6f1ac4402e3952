import type { RepositoryFacts } from './facts.ts'
import type { Finding } from './finding.ts'

const HOUR = 3_600_000

/** Velero's own, where neither the repository nor the server says more. */
const USUAL_FREQUENCY = 168 * HOUR

/** What is wrong with the repositories of file copies that a server keeps (Velero's: spec/server §12). Pure. */
export function* aboutRepositories(repositories: readonly RepositoryFacts[], now: Date): Generator<Finding> {
  for (const repository of repositories) {
    const subject = `repository ${repository.name}`
    const trouble = notReady(repository, now)
    if (trouble !== undefined) {
      const next = 'the file copies in it cannot be restored: see its location, and the Secret velero-repo-credentials'
      yield { severity: 'critical', problem: 'repository-not-ready', subject, message: trouble, next }
      continue
    }
    // In a location that nobody may write to there is no maintenance.
    if (!repository.isMaintained) continue
    if (repository.lastFailure !== undefined) {
      const message = `its last maintenance failed: ${repository.lastFailure || 'no reason is known'}`
      const next = 'see the Job of the maintenance and its pod; what was deleted takes up room until it succeeds'
      yield { severity: 'warning', problem: 'repository-maintenance-failed', subject, message, next }
    } else if (isOverdue(repository, now)) {
      const last = repository.lastMaintenance?.toISOString()
      const message = last === undefined ? 'it was never maintained' : `it was last maintained at ${last}`
      const next = 'see whether its server runs; what was deleted takes up room until then'
      yield { severity: 'warning', problem: 'repository-maintenance-overdue', subject, message, next }
    }
  }
}

function notReady({ phase, message, created }: RepositoryFacts, now: Date): string | undefined {
  if (phase === 'NotReady') return message || 'it cannot be opened'
  const isYoung = created === undefined || now.getTime() - created.getTime() < HOUR
  return phase === 'New' && !isYoung ? 'nobody has opened it since it was asked for' : undefined
}

/** By a day at least, and by two more of its rounds: a server may have been away for a while. */
function isOverdue({ phase, created, frequency, lastMaintenance }: RepositoryFacts, now: Date): boolean {
  const since = lastMaintenance ?? created
  if (phase !== 'Ready' || since === undefined) return false
  const round = frequency > 0 ? frequency : USUAL_FREQUENCY
  return now.getTime() - since.getTime() > Math.max(24 * HOUR, 3 * round)
}

import { Counter, Gauge, type Registry } from 'prom-client'

/** What happens in the server besides what Velero counts. */
export interface OwnMetrics {
  /** A store that could not do what it was asked, by the problem of its StoreError. */
  readonly storeFailed: (location: string, problem: string) => void
  /** Whether this process does the work. */
  readonly leads: (leading: boolean) => void
  readonly notified: (notification: string, result: 'sent' | 'failed') => void
  /** Told from time to time. */
  readonly stands: (standing: Standing) => void
}

/** What waits, and since when everything is safe. */
export interface Standing {
  readonly waitingBackups: number
  readonly waitingRestores: number
  /** Namespaces that are there → when the last backup ended that takes all of each, seconds since 1970. */
  readonly wholeBackups: ReadonlyMap<string, number>
}

/** Metrics `lifeboat_…` in `registry`. `calls` gives the requests to the API server so far. */
export function ownMetrics(registry: Registry, { calls }: { calls: () => number }): OwnMetrics {
  const registers = [registry]
  const storeErrors = new Counter({
    name: 'lifeboat_store_errors_total',
    help: 'What stores could not do, by location and problem',
    labelNames: ['location', 'problem'],
    registers,
  })
  const leader = new Gauge({ name: 'lifeboat_leader', help: '1 in the replica that does the work', registers })
  const notifications = new Counter({
    name: 'lifeboat_notifications_total',
    help: 'Messages of Notifications, sent and not sent',
    labelNames: ['notification', 'result'],
    registers,
  })
  new Counter({
    name: 'lifeboat_api_requests_total',
    help: 'Requests to the API server, repetitions included',
    registers,
    collect() {
      this.reset()
      this.inc(calls())
    },
  })
  return {
    storeFailed: (location, problem) => storeErrors.inc({ location, problem }),
    leads: (leading) => leader.set(leading ? 1 : 0),
    notified: (notification, result) => notifications.inc({ notification, result }),
    stands: standingMetrics(registry),
  }
}

function standingMetrics(registry: Registry): OwnMetrics['stands'] {
  const registers = [registry]
  const backups = new Gauge({
    name: 'lifeboat_backup_queue_length',
    help: 'Backups that have not begun',
    registers,
  })
  const restores = new Gauge({
    name: 'lifeboat_restore_queue_length',
    help: 'Restores that have not begun',
    registers,
  })
  const whole = new Gauge({
    name: 'lifeboat_namespace_last_backup_timestamp',
    help: 'When the last complete backup of the whole namespace ended, seconds since 1970',
    labelNames: ['namespace'],
    registers,
  })
  return ({ waitingBackups, waitingRestores, wholeBackups }) => {
    backups.set(waitingBackups)
    restores.set(waitingRestores)
    // Those of namespaces that are gone go.
    whole.reset()
    for (const [namespace, seconds] of wholeBackups) whole.set({ namespace }, seconds)
  }
}

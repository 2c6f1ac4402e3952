// An application whose files tell whether a copy of them is consistent: it appends the same records to each of its disks, and stands still when asked to.
import type { BackupSpec } from '#api/backup.ts'
import { claimSpec } from '../support/csi/claims.ts'
import { inPod, mainContainer, podReaches, type NodeCluster } from '../support/node-sandbox.ts'
import { make, StatefulSets } from '../support/objects.ts'
import { eventually } from '../support/server.ts'

/** A pod whose ledger is read. */
export interface LedgerPod {
  readonly namespace: string
  readonly name: string
}

const padding = 'o'.repeat(90)

/**
 * For `sh -c`: the same records on all volumes below /disks, for ever, unless it is asked to stand still. A record says its number and a sum over all numbers up to it, and is
 * written in two pieces. A ledger that is there already, as after a restore, is left as it is.
 */
export const writer = `
  for disk in /disks/*; do [ -e $disk/records ] && exec sleep 100000; done
  number=0; sum=7; left=10
  while true; do
    if [ -e /tmp/freeze ]; then touch /tmp/frozen; usleep 5000; continue; fi
    [ -e /tmp/frozen ] && rm /tmp/frozen
    number=$((number + 1)); sum=$(((sum * 31 + number) % 65521))
    for disk in /disks/*; do
      echo -n "$number $sum " >>$disk/records; echo ${padding} >>$disk/records
    done
    left=$((left - 1))
    [ $left = 0 ] && { left=10; usleep 20000; }
  done`

/** For `sh -c`: when it ends the writer stands still between two records, and /tmp/at-freeze has the last one. */
export const freeze =
  'touch /tmp/freeze; until [ -e /tmp/frozen ]; do usleep 10000; done; sync; tail -n 1 /disks/data/records >/tmp/at-freeze'

/** For `sh -c`: when it ends the writer goes on, and /tmp/at-thaw has the last record before that. */
export const thaw =
  'tail -n 1 /disks/log/records >/tmp/at-thaw; rm /tmp/freeze; while [ -e /tmp/frozen ]; do usleep 10000; done'

/** What a disk holds after so many records. */
export function records(count: number): string {
  const lines: string[] = []
  for (let number = 1, sum = 7; number <= count; number += 1) {
    sum = (sum * 31 + number) % 65521
    lines.push(`${number} ${sum} ${padding}\n`)
  }
  return lines.join('')
}

/** How many whole records are in what a disk holds; undefined unless they are the first ones in order, and behind them nothing but the beginning of the next. */
export function countOf(content: string): number | undefined {
  const count = content.split('\n').length - 1
  return records(count + 1).startsWith(content) ? count : undefined
}

/** The numbers of the last records before and after the pod stood still. */
export async function stoodStillAt(cluster: NodeCluster, pod: LedgerPod): Promise<{ from: number; to: number }> {
  const [from, to] = (await inPod(cluster, pod, ['cat', '/tmp/at-freeze', '/tmp/at-thaw'])).trim().split('\n')
  return { from: Number.parseInt(from ?? '', 10), to: Number.parseInt(to ?? '', 10) }
}

/** What is on each of these disks, once the pod runs. */
export async function ledgerOn(
  cluster: NodeCluster,
  { disks, ...pod }: LedgerPod & { disks: readonly string[] },
): Promise<string[]> {
  await podReaches(cluster.kube, { ...pod, phase: 'Running' })
  return await Promise.all(disks.map((disk) => inPod(cluster, pod, ['cat', `/disks/${disk}/records`])))
}

/** The StatefulSet `ledger`, whose only pod is `ledger-0`; each disk is a claim template. Resolves when it writes. */
export async function startLedger(
  cluster: NodeCluster,
  { namespace, disks }: { namespace: string; disks: readonly string[] },
): Promise<void> {
  const labels = { app: 'ledger' }
  const mounts = Object.fromEntries(disks.map((disk) => [`/disks/${disk}`, disk]))
  const podSpec = { terminationGracePeriodSeconds: 0, containers: [mainContainer(writer, mounts)] }
  await make(cluster.kube, StatefulSets, {
    namespace,
    name: 'ledger',
    spec: {
      serviceName: 'ledger',
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: podSpec },
      volumeClaimTemplates: disks.map((name) => ({ metadata: { name }, spec: claimSpec })),
    },
  })
  await ledgerIsUp(cluster, namespace)
  const pod = { namespace, name: 'ledger-0' }
  await inPod(cluster, pod, ['sh', '-c', 'until [ -s /disks/data/records ]; do usleep 50000; done'])
}

/** Waits until the StatefulSet has its pod, its own or an adopted one, and that runs. */
export async function ledgerIsUp({ kube }: NodeCluster, namespace: string): Promise<void> {
  await eventually(async () => {
    const { status } = (await kube.get(StatefulSets, 'ledger', { namespace })) as {
      status?: { readyReplicas?: number }
    }
    return status?.readyReplicas === 1 || undefined
  }, 120)
}

const exec = (script: string, more: object = {}) => ({
  exec: { container: 'main', command: ['sh', '-c', script], timeout: '2m', ...more },
})

/** Hooks by which the ledger stands still while its snapshots are taken. */
export const ledgerHooks: NonNullable<BackupSpec['hooks']> = {
  resources: [
    {
      name: 'ledger',
      labelSelector: { matchLabels: { app: 'ledger' } },
      pre: [exec(freeze, { onError: 'Fail' })],
      post: [exec(thaw)],
    },
  ],
}

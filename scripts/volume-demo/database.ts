import { setTimeout as sleep } from 'node:timers/promises'
import { SHOP } from '#cli/demo/shop.ts'
import type { KubeClient } from '#kube/client.ts'
import { Claims, make, Namespaces, Pods, StatefulSets, Volumes } from '../../test/support/objects.ts'

/** The one container of the database, and its pod. */
const CONTAINER = 'database'
const POD = 'database-0'
/** Where each of its volumes is mounted. */
const VOLUMES = ['data', 'journal'] as const

/** Writes each order into the journal and then into the table, without a pause, unless it is asked to stand still. */
const takeOrders = `
[ -e /data/pictures ] || head -c 16000000 /dev/urandom >/data/pictures
# One that comes back takes no orders before somebody has looked at it.
[ -e /data/orders ] && exec sleep 100000
n=0
while true; do
  if [ -e /tmp/freeze ]; then touch /tmp/frozen; usleep 10000; continue; fi
  rm -f /tmp/frozen
  n=$((n + 1))
  order="$n $(echo "order $n" | sha256sum)"
  echo "$order" >>/journal/orders
  echo "$order" >>/data/orders
done`
const freeze = 'touch /tmp/freeze; until [ -e /tmp/frozen ]; do usleep 10000; done; wc -l </data/orders >/tmp/frozen-at'
const thaw = 'rm /tmp/freeze'

/** What is on the volumes, as text, or as the checksum of what is too long for that. */
export interface Books {
  /** The table of orders, one a line. */
  readonly data: string
  /** The same orders in the journal. */
  readonly journal: string
  /** SHA-256. */
  readonly pictures: string
}

/** Opens the shop's database: a StatefulSet with two volumes, and the hooks that let backups find both at the same order. Resolves when it takes orders. */
export async function openDatabase(kube: KubeClient, signal: AbortSignal): Promise<void> {
  await make(kube, Namespaces, { name: SHOP })
  const labels = { app: 'database' }
  const shell = (script: string): string => JSON.stringify(['/bin/sh', '-c', script])
  const annotations = {
    'pre.hook.backup.velero.io/command': shell(freeze),
    'post.hook.backup.velero.io/command': shell(thaw),
  }
  const container = {
    name: CONTAINER,
    image: 'busybox:1.36',
    imagePullPolicy: 'IfNotPresent',
    command: ['sh', '-c', takeOrders],
    volumeMounts: VOLUMES.map((name) => ({ name, mountPath: `/${name}` })),
  }
  await make(kube, StatefulSets, {
    name: 'database',
    namespace: SHOP,
    spec: {
      serviceName: 'database',
      replicas: 1,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels, annotations },
        spec: { terminationGracePeriodSeconds: 0, containers: [container] },
      },
      volumeClaimTemplates: VOLUMES.map((name) => ({
        metadata: { name },
        spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '64Mi' } } },
      })),
    },
  })
  await untilOpen(kube, signal)
  await inDatabase(kube, 'until [ -s /data/orders ]; do usleep 10000; done', signal)
}

/** Waits until the database runs. */
export async function untilOpen(kube: KubeClient, signal: AbortSignal): Promise<void> {
  const status = (of: object | undefined): { phase?: string } => (of as { status?: object } | undefined)?.status ?? {}
  while (status(await kube.find(Pods, POD, { namespace: SHOP, signal })).phase !== 'Running')
    await sleep(100, undefined, { signal })
}

/** What is on the volumes now. */
export async function readBooks(kube: KubeClient, signal: AbortSignal): Promise<Books> {
  const data = await inDatabase(kube, 'cat /data/orders', signal)
  const journal = await inDatabase(kube, 'cat /journal/orders', signal)
  const pictures = await inDatabase(kube, 'sha256sum </data/pictures', signal)
  return { data, journal, pictures }
}

/** The number of the last order before the backup's freeze. */
export async function frozenAt(kube: KubeClient, signal: AbortSignal): Promise<number> {
  return Number(await inDatabase(kube, 'cat /tmp/frozen-at', signal))
}

/** Deletes the shop; resolves when its volumes have left the cluster too. */
export async function deleteDatabase(kube: KubeClient, signal: AbortSignal): Promise<void> {
  const claims = (await kube.list(Claims, { namespace: SHOP, signal })).items
  const volumes = claims.map((claim) => (claim['spec'] as { volumeName?: string }).volumeName ?? '')
  await kube.delete(Namespaces, SHOP, { signal })
  while ((await kube.find(Namespaces, SHOP, { signal })) !== undefined) await sleep(100, undefined, { signal })
  for (const volume of volumes)
    while ((await kube.find(Volumes, volume, { signal })) !== undefined) await sleep(100, undefined, { signal })
}

/** How the books that came back differ from those that were lost, as they were at order `frozen`; empty when they do not. */
export function differences(lost: Books, back: Books, frozen: number): string[] {
  const lines = (text: string): number => text.split('\n').length - 1
  return [
    ...(['data', 'journal'] as const).flatMap((name) => {
      if (!lost[name].startsWith(back[name])) return `${name}/orders: not what was written`
      return lines(back[name]) === frozen ? [] : `${name}/orders: ${lines(back[name])} orders instead of ${frozen}`
    }),
    ...(lost.pictures === back.pictures ? [] : ['data/pictures: not what was written']),
  ]
}

/** More than the books ever hold. */
const OUTPUT_BYTES = 256 * 1024 ** 2

async function inDatabase(kube: KubeClient, script: string, signal: AbortSignal): Promise<string> {
  const command = ['sh', '-c', script]
  const options = { namespace: SHOP, container: CONTAINER, command, outputBytes: OUTPUT_BYTES, signal }
  const { exitCode, stdout, stderr } = await kube.exec(POD, options)
  if (exitCode !== 0) throw new Error(`${script}: exit code ${exitCode}, ${stderr}`)
  return stdout
}

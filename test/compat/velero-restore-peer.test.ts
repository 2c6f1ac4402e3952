// Velero and Lifeboat restore one backup, step by step in the same order, each into a cluster of its own.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Restore } from '#api/restore.ts'
import { decodeResourceList, type ResourceList } from '#archive/resource-list.ts'
import { decodeResults, type Results } from '#archive/results.ts'
import type { KubeClient } from '#kube/client.ts'
import { runRestore } from '#restore/run.ts'
import { backupPrefix, restoreKey } from '#store/layout.ts'
import type { ObjectStore } from '#store/store.ts'
import { ownCluster } from '../support/cluster.ts'
import { installKinds } from '../support/server.ts'
import { takeBaseline, type ClusterState } from './normalize.ts'
import { comparableList, comparableResults, furnishAsRecorded } from './recorded-restore.ts'
import { differences } from './recorded-state.ts'
import { addToWorkloads, restoreSteps, type RestoreStep } from './restore-steps.ts'
import { settledState } from './settled-state.ts'
import { openPlaces, openSite, type Places, veleroTimeout } from './velero-site.ts'
import { applyWorkloads } from './workloads.ts'

const backup = 'all'

/** Whether a pod gets the defaults of a LimitRange that was made a moment ago depends on how soon the API server's admission knows it. */
const limitsOfPods =
  /^pods\/\S+: (metadata\.annotations\S* was \S*"?(\{"kubernetes\.io\/limit-ranger"|LimitRanger)|metadata\.annotations\["kubernetes\.io\/limit-ranger"\]|spec\.(containers|initContainers)\[\d+\]\.resources)/

/** One step done. */
interface Done {
  readonly restore: Restore
  readonly results: Results
  readonly list: ResourceList
}

interface AllDone {
  readonly steps: ReadonlyMap<string, Done>
  readonly state: ClusterState
}

test('Velero and Lifeboat make the same of the same restores', { timeout: veleroTimeout }, async (context) => {
  await using places = await openPlaces()
  await backUp(places, context.signal)
  const theirs = await byVelero(places, context.signal)
  const ours = await byLifeboat(places, theirs)
  for (const step of restoreSteps) {
    await context.test(`${step.name}: ${step.about}`, () => {
      assertSame({ ours: ours.steps.get(step.name)!, theirs: theirs.steps.get(step.name)! })
    })
  }
  await context.test('and the clusters are the same', () => {
    assert.deepEqual(
      differences(theirs.state, ours.state).filter((line) => !limitsOfPods.test(line)),
      [],
    )
  })
})

/** The workloads as Velero backs them up, in the store of both. */
async function backUp({ stores, ...places }: Places, signal: AbortSignal): Promise<void> {
  await using cluster = await ownCluster()
  await furnishAsRecorded(cluster.kube)
  const baseline = await takeBaseline(cluster.kube)
  await applyWorkloads(cluster.kube)
  await addToWorkloads(cluster.kube)
  await using site = await openSite(cluster, { places: { stores, ...places }, maker: 'velero', signal })
  await settledState(cluster.kube, baseline)
  await site.backUp(backup, ['--include-namespaces', 'harbor,orchard', '--include-cluster-resources'])
  for await (const { key } of stores.velero.list(backupPrefix(backup))) {
    await stores.lifeboat.put(key, await stores.velero.get(key))
  }
}

async function byVelero(places: Places, signal: AbortSignal): Promise<AllDone> {
  await using cluster = await ownCluster()
  const { kube } = cluster
  await furnishAsRecorded(kube)
  const baseline = await takeBaseline(kube)
  await using site = await openSite(cluster, { places, maker: 'velero', restarted: true, signal })
  await site.knows(backup)
  return await inOrder(kube, baseline, async ({ name, flags }) => {
    const restore = await site.restore(name, backup, flags)
    return { restore, ...(await artifactsOf(places.stores.velero, name)) }
  })
}

/** Each step is what Velero's client made of its flags. */
async function byLifeboat({ stores }: Places, theirs: AllDone): Promise<AllDone> {
  await using cluster = await ownCluster()
  const { kube } = cluster
  await furnishAsRecorded(kube)
  const baseline = await takeBaseline(kube)
  // The other cluster has a server's definitions, those of our own kinds too.
  await installKinds(kube)
  const store = stores.lifeboat
  return await inOrder(kube, baseline, async ({ name }) => {
    const { apiVersion, kind, spec } = theirs.steps.get(name)!.restore
    const asked = { apiVersion, kind, metadata: { name, namespace: 'velero' }, spec }
    const restore = await runRestore({ restore: asked, kube, store, now: () => new Date() })
    return { restore, ...(await artifactsOf(store, name)) }
  })
}

async function inOrder(
  kube: KubeClient,
  baseline: Awaited<ReturnType<typeof takeBaseline>>,
  restore: (step: RestoreStep) => Promise<Done>,
): Promise<AllDone> {
  const steps = new Map<string, Done>()
  for (const step of restoreSteps) {
    await step.before?.(kube)
    steps.set(step.name, await restore(step))
    // Controllers have their say before the next step looks at what is there.
    await settledState(kube, baseline)
  }
  return { steps, state: await settledState(kube, baseline) }
}

async function artifactsOf(store: ObjectStore, name: string): Promise<Omit<Done, 'restore'>> {
  return {
    results: await decodeResults(await store.get(restoreKey(name, 'results'))),
    list: await decodeResourceList(await store.get(restoreKey(name, 'resource-list'))),
  }
}

function assertSame({ ours, theirs }: { ours: Done; theirs: Done }): void {
  assert.equal(ours.restore.status?.phase, theirs.restore.status?.phase)
  assert.deepEqual(errorsOf(ours), errorsOf(theirs))
  const [ourWarnings, theirWarnings] = [warningsOf(ours), warningsOf(theirs)]
  assert.deepEqual(
    ourWarnings,
    theirWarnings.filter((line) => ourWarnings.includes(line) || !saysDifferent.test(line)),
  )
  const [ourList, theirList] = [listOf(ours), listOf(theirs)]
  const notForUs = (line: string): string => {
    const skipped = line.replace(/\((failed|updated)\)$/, '(skipped)')
    return ourList.includes(skipped) ? skipped : line
  }
  assert.deepEqual(ourList, theirList.map(notForUs))
  assert.deepEqual(ours.restore.status?.progress, theirs.restore.status?.progress)
}

/** For Velero, unlike for us, who wrote a field makes a difference (docs/velero-compatibility.md); what then does not differ for us is skipped. */
const saysDifferent = / already exists\. Warning: the in-cluster version is different than the backed-up version$/

/** Controllers make and delete them whenever a Service or a pod changes. */
const keptByControllers = /\bEndpoint(s|Slice)\b|\bendpointslices\./

function warningsOf({ results }: Done): string[] {
  return comparableResults(results.warnings).filter((line) => !keptByControllers.test(line))
}

function listOf({ list }: Done): string[] {
  return comparableList(list).filter((line) => !keptByControllers.test(line))
}

/** Each names the object, or the rule, that is in the way; how that is said is each one's own. */
function errorsOf({ results }: Done): string[] {
  return comparableResults(results.errors)
    .map((line) => {
      const [, namespace, object] =
        /^(\S+): error preparing (\S+): rpc error: /.exec(line) ??
        /^(\S+): error restoring (\S+): (?:there is no StorageClass|there are 2 ConfigMaps) /.exec(line) ??
        []
      if (object !== undefined) return `${namespace}: ${object} cannot be prepared`
      return line.replace(
        /: (?:no patch data found|\S+: resource modifier rule \d+: it has no patches)$/,
        ': no patches',
      )
    })
    .toSorted()
}

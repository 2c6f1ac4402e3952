import { setTimeout as sleep } from 'node:timers/promises'
import type { KubeClient } from '#kube/client.ts'
import { collectState, type Baseline, type ClusterState, type Normalisation } from './normalize.ts'

/** The state when the controllers are done: two equal looks 2.5 s apart, as when golden/state was recorded. */
export async function settledState(kube: KubeClient, baseline: Baseline, rules?: Normalisation): Promise<ClusterState> {
  for (let before = ''; ;) {
    const state = await collectState(kube, baseline, rules)
    const now = JSON.stringify([...state])
    if (now === before) return state
    before = now
    await sleep(2_500)
  }
}

import type { Restore } from '#api/restore.ts'
import { type RestoreWishes, restoreWishes } from '#api/restore-wishes.ts'
import { applyWaves } from '#apply/apply-waves.ts'
import type { Outcome } from '#apply/outcome.ts'
import type { RunLog } from '#archive/run-log.ts'
import type { OwnRestore } from '#items/existing.ts'
import type { Discovery, KubeClient } from '#kube/client.ts'
import type { RestoreScope } from '#selection/restore-scope.ts'
import type { BackupSource } from './backup-source.ts'
import { extraObjects } from './extra-objects.ts'
import { type GitOpsOwners, gitOpsOwners } from './gitops-owners.ts'
import type { RestoreItemActions } from './item-actions.ts'
import type { NativeVolumes } from './native-volumes.ts'
import { type Plan, planRestore } from './plan.ts'
import { type RestoreFacts, gatherFacts } from './restore-facts.ts'
import type { RestoreSettings } from './settings.ts'

/** How long slow things are waited for, in milliseconds; default ten minutes each, as Velero. */
export interface RestorePatience {
  /** A target namespace that is being deleted. */
  namespace?: number | undefined
  /** A custom type whose definition was restored. */
  type?: number | undefined
  /** An object that is deleted to be made anew. */
  deletion?: number | undefined
  /** A claim that is filled from a snapshot, until it is bound. */
  volumes?: number | undefined
  /** A container of a restored pod that has hooks, whatever they say; default the item operation timeout of the restore. */
  containers?: number | undefined
  /** Additional items of a plug-in that does not say how long. */
  additionalItems?: number | undefined
}

export interface CourseOptions {
  restore: Restore
  source: BackupSource
  kube: KubeClient
  /** What the cluster serves, when it has been asked already. */
  discovery?: Promise<Discovery> | undefined
  log: RunLog
  natives: NativeVolumes
  /** Not in a rehearsal. */
  actions?: RestoreItemActions | undefined
  settings?: RestoreSettings | undefined
  patience?: RestorePatience | undefined
  resumes?: boolean | undefined
  /** True: nothing is written and nothing waited for; the outcomes are what would become of each object. */
  rehearses?: boolean | undefined
  signal?: AbortSignal | undefined
}

/** All that a restore does to the cluster, the same in a run as in its preview; begun when the outcomes are read. */
export interface Course {
  plan: Plan
  /** About the restore as a whole. */
  warnings: readonly string[]
  outcomes: AsyncIterable<Outcome>
}

/** Gathers the facts and plans. Rejects with KubeError; so do the outcomes, when the cluster cannot be worked with. */
export async function openCourse(options: CourseOptions): Promise<Course> {
  const { restore, source, kube, log, natives, actions, rehearses, signal } = options
  const backupName = restore.spec.backupName ?? ''
  const { warnings, took, ...facts } = await gatherFacts({ ...options, backupName })
  const wishes = restoreWishes(restore)
  const asks = rehearses === true || wishes.skipsGitOpsManaged
  const gitOps = asks ? await gitOpsOwners(source.archive, { kube, signal }) : undefined
  const context = { ...facts.context, renamedVolumes: natives.renamed }
  const plan = planRestore({ archive: source.archive, ...facts, context, log, wishes, gitOps, natives, actions })
  const playing = { ...options, plan, wishes, gitOps, scope: facts.scope }
  return {
    plan,
    warnings: [...warnings, ...generalWarnings(options, plan)],
    outcomes: toldTo((outcome) => {
      took(outcome)
      natives.took(outcome)
    }, play(playing)),
  }
}

interface Playing extends CourseOptions {
  plan: Plan
  wishes: RestoreWishes
  gitOps: GitOpsOwners | undefined
  scope: RestoreScope
}

function play(playing: Playing): AsyncIterable<Outcome> {
  const { restore, kube, patience, resumes, rehearses, signal, plan, wishes, gitOps } = playing
  const leavesToGit = wishes.skipsGitOpsManaged ? gitOps?.applications : undefined
  return applyWaves(plan.waves, {
    kube,
    policy: wishes.policy,
    leavesToGit,
    extras: wishes.exact ? () => extraObjects({ ...playing, leavesToGit, renamed: plan.renamed }) : undefined,
    resumes: resumes === true ? ownRestore(restore) : undefined,
    namespaceManifest: (name) => plan.namespaceManifest(name),
    namespacePatience: patience?.namespace,
    typePatience: patience?.type,
    deletionPatience: patience?.deletion,
    rehearses,
    signal,
  })
}

async function* toldTo(took: RestoreFacts['took'], outcomes: AsyncIterable<Outcome>): AsyncGenerator<Outcome> {
  for await (const outcome of outcomes) {
    took(outcome)
    yield outcome
  }
}

function generalWarnings({ restore, source }: CourseOptions, plan: Plan): string[] {
  const { backupName } = restore.spec
  const warnings: string[] = []
  if (source.archive.resources().length === 0)
    warnings.push(`backup ${backupName} holds no objects: there is nothing to restore`)
  else if (plan.tasks === 0)
    warnings.push(`backup ${backupName} holds nothing that this restore asks for: check its filters`)
  return warnings
}

function ownRestore({ metadata: { name, creationTimestamp } }: Restore): OwnRestore | undefined {
  return creationTimestamp === undefined ? undefined : { name, createdAt: creationTimestamp }
}

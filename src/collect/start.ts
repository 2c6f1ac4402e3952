import type { KubeClient } from '#kube/client.ts'
import { KubeError } from '#kube/error.ts'
import { isForbidden } from './cut.ts'
import { forbiddenError, type Refusal } from './error.ts'
import type { TypePlan } from './list-plan.ts'
import { startList, type ListContext, type ListRequest, type Reading, type StartedList } from './list.ts'

/** A planned type whose lists have begun. */
export interface StartedType {
  readonly plan: TypePlan
  readonly lists: readonly StartedList[]
}

/** What came of beginning all lists. */
export interface Started {
  readonly types: readonly StartedType[]
  /** One for every list, also for those that failed. */
  readonly readings: readonly Reading[]
}

type Attempt = { list: StartedList } | { refusal: Refusal } | { failed: Reading }

const STARTS_AT_ONCE = 16

/**
 * Begins every list of the plan, so that nothing is written before all of them are known to be allowed. Rejects with
 * CollectError 'forbidden' that names every refused type (with `refusals` known before), or with the KubeError that makes going on pointless.
 */
export async function startLists(
  plans: readonly TypePlan[],
  context: ListContext,
  refusals: readonly Refusal[],
): Promise<Started> {
  const attempts = new Map<ListRequest, Attempt>()
  const waiting = plans.flatMap((plan) => plan.requests).values()
  const worker = async (): Promise<void> => {
    for (const request of waiting) attempts.set(request, await attempt(request, context))
  }
  await Promise.all(Array.from({ length: STARTS_AT_ONCE }, worker))
  const refused = [...attempts.values()].flatMap((one) => ('refusal' in one ? [one.refusal] : []))
  if (refused.length + refusals.length > 0) throw forbiddenError([...refusals, ...refused])
  const listOf = (request: ListRequest): StartedList[] => {
    const one = attempts.get(request)
    return one !== undefined && 'list' in one ? [one.list] : []
  }
  return {
    types: plans.map((plan) => ({ plan, lists: plan.requests.flatMap(listOf) })),
    readings: [...attempts.values()].flatMap((one) => readingOf(one) ?? []),
  }
}

/**
 * Whether an error of a list means that no other list will do better. One list may fall silent or break off because of the extension
 * server or the proxy behind it, so when one could not be had the API server is asked for something simple.
 */
export async function isFatal(
  error: unknown,
  { kube, signal }: Pick<ListContext, 'kube' | 'signal'>,
): Promise<boolean> {
  if (!(error instanceof KubeError)) return true
  if (error.problem === 'unauthorized' || error.problem === 'certificate') return true
  return error.problem === 'unreachable' && !(await isThere(kube, signal))
}

async function isThere(kube: KubeClient, signal: AbortSignal | undefined): Promise<boolean> {
  try {
    await kube.version({ signal })
    return true
  } catch (error) {
    if (error instanceof KubeError) return false
    throw error
  }
}

async function attempt(request: ListRequest, context: ListContext): Promise<Attempt> {
  try {
    return { list: await startList(request, context) }
  } catch (error) {
    if (isForbidden(error)) return { refusal: { type: request.type, namespace: request.namespace } }
    if (await isFatal(error, context)) throw error
    return { failed: failedReading(request, error) }
  }
}

/** What is known about a list that could not be read at all. */
export function failedReading(request: ListRequest, error: unknown): Reading {
  const failure = error instanceof Error ? error.message : String(error)
  return {
    request,
    resourceVersion: '',
    atCut: false,
    parts: [],
    comparable: false,
    reason: 'could not be listed',
    failure,
  }
}

function readingOf(attempt: Attempt): Reading | undefined {
  if ('list' in attempt) return attempt.list.reading
  return 'failed' in attempt ? attempt.failed : undefined
}

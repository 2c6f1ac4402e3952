import { z } from 'zod'
import { complaintsOf } from './description.ts'
import { PluginError } from './error.ts'
import type { ItemReference, OperationProgress, PluginObject } from './plugin.ts'

/** What an action may answer where it names an object. */
export const referenceAnswer = z.strictObject({
  group: z.string().nullish(),
  resource: z.string().min(1),
  namespace: z.string().nullish(),
  name: z.string().min(1),
})

/** What an action may answer where it returns an item. */
export const itemAnswer = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string().optional(),
    labels: z.record(z.string(), z.string()).nullish(),
    annotations: z.record(z.string(), z.string()).nullish(),
  }),
})

const decision = z
  .strictObject({
    item: itemAnswer.nullish(),
    skip: z.boolean().nullish(),
    additionalItems: z.array(referenceAnswer).nullish(),
    mustIncludeAdditionalItems: z.boolean().nullish(),
    operation: z
      .strictObject({ id: z.string().min(1), postOperationItems: z.array(referenceAnswer).nullish() })
      .nullish(),
  })
  .nullish()

const progress = z.object({
  completed: z.boolean(),
  error: z.string().nullish(),
  nCompleted: z.int().nonnegative().nullish(),
  nTotal: z.int().nonnegative().nullish(),
  units: z.string().nullish(),
  description: z.string().nullish(),
  started: z.iso.datetime({ offset: true }).nullish(),
  updated: z.iso.datetime({ offset: true }).nullish(),
})

/** What an action decided about an item. `item` is absent when it stays as it is. */
export interface Decision {
  readonly item: PluginObject | undefined
  readonly skip: boolean
  readonly additionalItems: readonly ItemReference[]
  readonly mustInclude: boolean
  readonly operation: { readonly id: string; readonly postOperationItems: readonly ItemReference[] } | undefined
}

/** The answer of `execute` about `item`. PluginError 'bad-answer' when it has no meaning, or turns the item into another. */
export function readDecision(value: unknown, item: PluginObject): Decision {
  const { data, error } = decision.safeParse(value)
  if (error !== undefined) throw new PluginError('bad-answer', `its answer has no meaning: ${complaintsOf(error)}`)
  const changed = (data?.item ?? undefined) as PluginObject | undefined
  if (changed !== undefined) assertSame(changed, item)
  return {
    item: changed,
    skip: data?.skip ?? false,
    additionalItems: (data?.additionalItems ?? []).map(referenceOf),
    mustInclude: data?.mustIncludeAdditionalItems ?? false,
    operation: data?.operation
      ? { id: data.operation.id, postOperationItems: (data.operation.postOperationItems ?? []).map(referenceOf) }
      : undefined,
  }
}

/** The answer of `progress`. PluginError 'bad-answer' when it has no meaning. */
export function readProgress(value: unknown): OperationProgress {
  const { data, error } = progress.safeParse(value)
  if (error !== undefined)
    throw new PluginError('bad-answer', `its answer about progress has no meaning: ${complaintsOf(error)}`)
  const { completed, ...rest } = data
  return { completed, ...Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== null)) }
}

/** PluginError 'bad-answer' when `changed` is another object than `item`. */
export function assertSame(changed: PluginObject, item: PluginObject): void {
  const differences = [
    ['apiVersion', changed.apiVersion, item.apiVersion],
    ['kind', changed.kind, item.kind],
    ['metadata.namespace', changed.metadata.namespace, item.metadata.namespace],
    ['metadata.name', changed.metadata.name, item.metadata.name],
  ].filter(([, now, before]) => now !== before)
  if (differences.length === 0) return
  const what = differences.map(([field, now, before]) => `${field} from ${before} to ${now}`).join(', ')
  throw new PluginError('bad-answer', `it changed ${what}; an item must stay the same object`)
}

/** The object that an answer names. */
export function referenceOf({ group, resource, namespace, name }: z.output<typeof referenceAnswer>): ItemReference {
  return { group: group ?? '', resource, namespace: namespace ?? '', name }
}

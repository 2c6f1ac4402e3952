import { z } from 'zod'
import { assertSame, itemAnswer, referenceAnswer, referenceOf } from './answer.ts'
import { complaintsOf } from './description.ts'
import { PluginError } from './error.ts'
import type { ItemReference, PluginObject } from './plugin.ts'

const decision = z
  .strictObject({
    item: itemAnswer.nullish(),
    skip: z.boolean().nullish(),
    additionalItems: z.array(referenceAnswer).nullish(),
    waitForAdditionalItems: z.boolean().nullish(),
    additionalItemsTimeoutSeconds: z.number().positive().nullish(),
    operation: z.strictObject({ id: z.string().min(1) }).nullish(),
  })
  .nullish()

/** What an action decided about an item that is to be restored. `item` is absent when it stays as it is. */
export interface RestoreDecision {
  readonly item: PluginObject | undefined
  readonly skip: boolean
  readonly additionalItems: readonly ItemReference[]
  /** Whether the item waits until the action says that they are ready, and for how long at most. */
  readonly wait: { readonly timeoutMillis: number | undefined } | undefined
  readonly operation: { readonly id: string } | undefined
}

/** The answer of a restore action's `execute` about `item`. PluginError 'bad-answer' when it has no meaning, or turns the item into another. */
export function readRestoreDecision(value: unknown, item: PluginObject): RestoreDecision {
  const { data, error } = decision.safeParse(value)
  if (error !== undefined) throw new PluginError('bad-answer', `its answer has no meaning: ${complaintsOf(error)}`)
  const changed = (data?.item ?? undefined) as PluginObject | undefined
  // Another version of the same type is what some actions are for.
  if (changed !== undefined) assertSame({ ...changed, apiVersion: item.apiVersion }, item)
  const seconds = data?.additionalItemsTimeoutSeconds
  return {
    item: changed,
    skip: data?.skip ?? false,
    additionalItems: (data?.additionalItems ?? []).map(referenceOf),
    wait: data?.waitForAdditionalItems ? { timeoutMillis: seconds ? seconds * 1000 : undefined } : undefined,
    operation: data?.operation ?? undefined,
  }
}

/** The answer of `areAdditionalItemsReady`. PluginError 'bad-answer' when it is no yes or no. */
export function readReadiness(value: unknown): boolean {
  if (typeof value === 'boolean') return value
  throw new PluginError('bad-answer', 'its answer about additional items is neither true nor false')
}

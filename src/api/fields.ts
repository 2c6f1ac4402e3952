import { z } from 'zod'
import { isDuration } from './duration.ts'

/**
 * An object of these fields whose unknown fields pass through untouched. The type shows the known fields only, so that a
 * misspelt one is an error of the compiler.
 */
export function fields<Shape extends z.core.$ZodLooseShape>(shape: Shape): z.ZodObject<Shape, z.core.$strip> {
  return z.looseObject(shape) as unknown as z.ZodObject<Shape, z.core.$strip>
}

/** Optional text. */
export const text = z.string().optional()

/** Optional flag. */
export const flag = z.boolean().optional()

/** Optional flag of which absence and null both mean "decide yourself". */
export const triState = z.boolean().nullish()

/** Optional list of text. */
export const texts = z.array(z.string()).optional()

/** Optional list of text that Velero may write as null. */
export const textsOrNull = z.array(z.string()).nullish()

/** Optional map of text to text. */
export const textMap = z.record(z.string(), z.string()).optional()

/** Optional map of text to text that Velero may write as null. */
export const textMapOrNull = z.record(z.string(), z.string()).nullish()

/** Optional whole number. */
export const count = z.int().optional()

/** Optional int64. More than 2^53 (9 PB, when it counts bytes) is refused rather than rounded. */
export const int64 = z.int().meta({ format: 'int64' }).optional()

/** Optional RFC 3339 time. */
export const timestamp = z.iso.datetime({ offset: true }).nullish()

/** Go duration such as `1h0m0s`; `parseDuration` gives milliseconds. The CRD says `string` only, as Velero's does. */
export const durationText = z
  .string()
  .refine(isDuration, { error: 'expected a duration such as 90s, 1h30m or 720h0m0s' })

/** Optional Go duration. */
export const duration = durationText.optional()

/** Optional Go duration of which null means the server's default. */
export const durationOrNull = durationText.nullish()

/** Kubernetes' LabelSelector. */
export const labelSelector = fields({
  matchLabels: textMap,
  matchExpressions: z
    .array(
      fields({
        key: z.string(),
        operator: z.string(),
        values: z.array(z.string()).meta({ 'x-kubernetes-list-type': 'atomic' }).optional(),
      }),
    )
    .meta({ 'x-kubernetes-list-type': 'atomic' })
    .optional(),
}).meta({ 'x-kubernetes-map-type': 'atomic' })

/** Kubernetes' LabelSelector; both parts must hold, and all of each part. */
export type LabelSelector = z.output<typeof labelSelector>

/** Kubernetes' TypedLocalObjectReference: an object in the same namespace. */
export const localReference = fields({ apiGroup: text, kind: z.string(), name: z.string() }).meta({
  'x-kubernetes-map-type': 'atomic',
})

/** Kubernetes' ObjectReference. */
export const objectReference = fields({
  apiVersion: text,
  fieldPath: text,
  kind: text,
  name: text,
  namespace: text,
  resourceVersion: text,
  uid: text,
}).meta({ 'x-kubernetes-map-type': 'atomic' })

/** Kubernetes' SecretKeySelector: one key of a Secret in the server's namespace. */
export const secretKey = fields({ name: z.string().default(''), key: z.string(), optional: flag }).meta({
  'x-kubernetes-map-type': 'atomic',
})

/** What a failing hook does to the rest of its pod's hooks. */
export const onHookError = z.enum(['Continue', 'Fail']).optional()

/** How many hooks ran and how many of them failed. */
export const hookStatus = fields({ hooksAttempted: count, hooksFailed: count }).nullish()

import { isScalar, visit, type Document } from 'yaml'
import { z } from 'zod'
import { SelectionError } from './error.ts'
import { parseQuantity } from './quantity.ts'
import { mapOfWords as wordMap, optional, problemsOf, readYaml, strict, word, words } from './strict-yaml.ts'

/** The content of the ConfigMap that `spec.resourcePolicy` of a Backup names (spec/backup §6.1). */
export interface ResourcePolicies {
  /** In order: the first that matches a volume wins. */
  readonly volumePolicies: readonly VolumePolicy[]
  /** Filters that add to those of the Backup, whose own win. */
  readonly includeExclude: IncludeExcludePolicy | undefined
}

/** What becomes of the volumes that meet all conditions; no condition at all is met by every volume. */
export interface VolumePolicy {
  readonly conditions: VolumeConditions
  readonly action: VolumeAction
}

/** What to do with the data of a volume; `custom` leaves it to a plug-in, which reads `parameters`. */
export interface VolumeAction {
  readonly type: 'skip' | 'fs-backup' | 'snapshot' | 'custom'
  readonly parameters?: Readonly<Record<string, unknown>> | undefined
}

/** What must hold of a volume. An empty list or map asks for nothing; an empty `nfs` or `csi` for any volume of that kind. */
export interface VolumeConditions {
  readonly capacity?: CapacityRange | undefined
  readonly storageClass?: readonly string[] | undefined
  readonly nfs?: { readonly server?: string | undefined; readonly path?: string | undefined } | undefined
  readonly csi?:
    | { readonly driver?: string | undefined; readonly volumeAttributes?: Readonly<Record<string, string>> | undefined }
    | undefined
  /** Names of volume sources, of PersistentVolumes or in pods: `nfs`, `emptyDir`. */
  readonly volumeTypes?: readonly string[] | undefined
  readonly pvcLabels?: Readonly<Record<string, string>> | undefined
  readonly pvcPhase?: readonly string[] | undefined
}

/** Bounds in billionths (`parseQuantity`), both inclusive; undefined: no bound. */
export interface CapacityRange {
  readonly lower: bigint | undefined
  readonly upper: bigint | undefined
}

/** Names of types as in the scoped filters of a Backup; never `*`. */
export interface IncludeExcludePolicy {
  readonly includedClusterScopedResources: readonly string[]
  readonly excludedClusterScopedResources: readonly string[]
  readonly includedNamespaceScopedResources: readonly string[]
  readonly excludedNamespaceScopedResources: readonly string[]
}

/** Reads policies of schema v1. Throws SelectionError 'bad-policy' whose message names, line by line, each place and what is wrong there. */
export function parseResourcePolicies(text: string): ResourcePolicies {
  const parsed = policiesSchema.safeParse(readYaml(text, { problem: 'bad-policy', prepare: keepWords }))
  if (!parsed.success) throw badPolicy(problemsOf(parsed.error, 'the policy').join('\n'))
  const { volumePolicies, includeExcludePolicy } = parsed.data
  return { volumePolicies, includeExclude: includeExcludePolicy }
}

/** `storageClass: [1.10]` and `pvcLabels: {on: yes}` are words, not numbers; only a plug-in's parameters may be of any kind. */
function keepWords(document: Document): void {
  visit(document, {
    Pair: (_key, { key }) => (isScalar(key) && key.value === 'parameters' ? visit.SKIP : undefined),
    Scalar(_key, node) {
      const isWord = typeof node.value === 'number' || typeof node.value === 'boolean' || typeof node.value === 'bigint'
      if (isWord && node.source !== undefined) node.value = node.source
    },
  })
}

const capacity = optional(
  word.transform((text, context): CapacityRange => {
    try {
      return readRange(text)
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      context.issues.push({ code: 'custom', message, input: text })
      return z.NEVER
    }
  }),
)

function readRange(text: string): CapacityRange {
  const bounds = text.trim() === '' ? ['', ''] : text.split(',').map((bound) => bound.trim())
  const [lower = '', upper = ''] = bounds
  if (bounds.length !== 2) throw badPolicy(`"${text}" is no range; write lower,upper such as "10Gi,100Gi", "10Gi,"`)
  const range = { lower: boundOf(lower), upper: boundOf(upper) }
  if ((range.lower ?? 0n) > (range.upper ?? range.lower ?? 0n))
    throw badPolicy(`"${text}" has its ends the wrong way round`)
  return range
}

/** Zero is no bound: no volume is smaller, and as the upper end Velero takes it for an empty side. */
function boundOf(text: string): bigint | undefined {
  return text === '' ? undefined : parseQuantity(text) || undefined
}

const csi = strict({ driver: optional(word), volumeAttributes: wordMap }).refine(
  ({ driver, volumeAttributes }) => volumeAttributes === undefined || (driver ?? '') !== '',
  { error: 'volumeAttributes need a driver' },
)

const conditions = strict({
  capacity,
  storageClass: words,
  nfs: optional(strict({ server: optional(word), path: optional(word) })),
  csi: optional(csi),
  volumeTypes: words,
  pvcLabels: wordMap,
  pvcPhase: words,
})

const actionTypes = ['skip', 'fs-backup', 'snapshot', 'custom'] as const

const volumePolicy = strict({
  conditions: optional(conditions).transform((given): VolumeConditions => given ?? {}),
  action: strict({
    type: z.enum(actionTypes, { error: `must be one of ${actionTypes.join(', ')}` }),
    parameters: optional(z.record(z.string(), z.unknown(), { error: 'must be a map' })),
  }),
})

const typeNames = words.transform((names): readonly string[] => names ?? [])

const includeExclude = strict({
  includedClusterScopedResources: typeNames,
  excludedClusterScopedResources: typeNames,
  includedNamespaceScopedResources: typeNames,
  excludedNamespaceScopedResources: typeNames,
}).superRefine((policy, context) => {
  const problem = (message: string): void => context.addIssue({ code: 'custom', message })
  if (Object.values(policy).some((names) => names.includes('*'))) problem('"*" cannot be used here; name the types')
  const both = [
    ...policy.includedClusterScopedResources.filter((name) => policy.excludedClusterScopedResources.includes(name)),
    ...policy.includedNamespaceScopedResources.filter((name) => policy.excludedNamespaceScopedResources.includes(name)),
  ]
  for (const name of new Set(both)) if (name !== '*') problem(`${name} is both included and excluded`)
})

const policiesSchema = strict({
  version: z.literal('v1', { error: ({ input }) => `must be v1, not ${JSON.stringify(input) ?? 'missing'}` }),
  volumePolicies: optional(z.array(volumePolicy, { error: 'must be a list' })).transform((given) => given ?? []),
  includeExcludePolicy: optional(includeExclude),
})

function badPolicy(message: string, cause?: unknown): SelectionError {
  return new SelectionError('bad-policy', message, { cause })
}

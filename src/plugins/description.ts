import { z } from 'zod'
import { PluginError } from './error.ts'
import type { ActionList } from './worker.ts'

const texts = z.array(z.string()).nullish()

const description = z.object({
  // Velero's rule for names of plug-ins: a DNS name, a slash, a word.
  name: z.string().regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?\/[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?$/, {
    error: 'must be like example.com/name',
  }),
  appliesTo: z
    .strictObject({
      includedNamespaces: texts,
      excludedNamespaces: texts,
      includedResources: texts,
      excludedResources: texts,
      labelSelector: z.string().nullish(),
    })
    .nullish(),
  methods: z.array(z.string()).refine((methods) => methods.includes('execute'), { error: 'has no function execute' }),
})

const plugin = z.strictObject(
  { backupItemActions: z.array(description).optional(), restoreItemActions: z.array(description).optional() },
  { error: (issue) => (issue.input === undefined ? 'it has no default export' : undefined) },
)

/** An action as its module exports it, functions by name. */
export type ActionDescription = z.output<typeof description>

/** The actions of a module. */
export type PluginDescription = Readonly<Record<ActionList, readonly ActionDescription[]>>

/** What a module's default export holds. PluginError 'invalid' when that is no plug-in. */
export function readPlugin(exported: unknown): PluginDescription {
  const { data, error } = plugin.safeParse(exported)
  if (error !== undefined) throw new PluginError('invalid', `is no plug-in: ${complaintsOf(error)}`)
  const { backupItemActions = [], restoreItemActions = [] } = data
  if (backupItemActions.length + restoreItemActions.length > 0) return { backupItemActions, restoreItemActions }
  throw new PluginError('invalid', 'is no plug-in: it has no actions')
}

/** What zod found, in one line. */
export function complaintsOf(error: z.ZodError): string {
  return error.issues.map(({ path, message }) => [...path, message].join(': ')).join('; ')
}

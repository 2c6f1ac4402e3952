/** How many hooks were to be run, and how many of them failed; the words of a status. */
export interface HookCounts {
  readonly hooksAttempted: number
  readonly hooksFailed: number
}

/** The counts as Velero stores them: what is zero is absent. */
export function hookStatus({ hooksAttempted, hooksFailed }: HookCounts): Partial<HookCounts> {
  return {
    ...(hooksAttempted > 0 ? { hooksAttempted } : {}),
    ...(hooksFailed > 0 ? { hooksFailed } : {}),
  }
}

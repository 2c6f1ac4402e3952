import { isDuration, parseDuration } from '#api/duration.ts'

/** How long Velero lets a hook run that does not say. */
const DEFAULT_MILLIS = 30_000

/** What a hook's timeout says: nothing and zero mean half a minute, less means without limit; what is no duration is not heeded. */
export function hookTimeout(text: string | undefined): number | undefined {
  if (text === undefined || !isDuration(text)) return DEFAULT_MILLIS
  const millis = parseDuration(text)
  if (millis === 0) return DEFAULT_MILLIS
  return millis < 0 ? undefined : millis
}

/** How long a hook waits for its container: undefined means without limit, which is also what nothing and zero mean. */
export function waitTimeout(text: string | undefined): number | undefined {
  if (text === undefined || !isDuration(text)) return undefined
  const millis = parseDuration(text)
  return millis <= 0 ? undefined : millis
}

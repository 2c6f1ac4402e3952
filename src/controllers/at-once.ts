const AT_ONCE = 8

/** Works on all of `things`, eight at a time. Rejects with the first failure once everything that was begun has ended; nothing is begun after it. */
export async function atOnce<T>(things: readonly T[], work: (thing: T) => Promise<void>): Promise<void> {
  const waiting = things.values()
  let failed = false
  const worker = async (): Promise<void> => {
    for (const thing of waiting) {
      if (failed) return
      try {
        await work(thing)
      } catch (error) {
        failed = true
        throw error
      }
    }
  }
  const ends = await Promise.allSettled(Array.from({ length: AT_ONCE }, worker))
  const failure = ends.find((end) => end.status === 'rejected')
  if (failure !== undefined) throw failure.reason
}

/**
 * Runs `work` on every item, as many at once as `width()` says at that moment, started in order, results as they come.
 * When `work` rejects, or the caller stops taking results, nothing new is started and what runs is awaited first.
 */
export async function* inParallel<Item, Result>(
  items: Iterable<Item>,
  work: (item: Item) => Promise<Result>,
  width: () => number,
): AsyncGenerator<Result, void, undefined> {
  const waiting = items[Symbol.iterator]()
  const results: Result[] = []
  let running = 0
  let exhausted = false
  let failure: { error: unknown } | undefined
  let wake = Promise.withResolvers<void>()

  const run = async (item: Item): Promise<void> => {
    try {
      results.push(await work(item))
    } catch (error) {
      failure ??= { error }
    } finally {
      running -= 1
      wake.resolve()
    }
  }
  const start = (): void => {
    while (!exhausted && failure === undefined && running < width()) {
      const next = waiting.next()
      if (next.done === true) {
        exhausted = true
      } else {
        running += 1
        void run(next.value)
      }
    }
  }

  try {
    for (;;) {
      start()
      yield* results.splice(0)
      if (running === 0 && results.length === 0 && (exhausted || failure !== undefined)) break
      if (results.length === 0 && running > 0) await wake.promise
      wake = Promise.withResolvers()
    }
  } finally {
    exhausted = true
    while (running > 0) {
      await wake.promise
      wake = Promise.withResolvers()
    }
  }
  if (failure !== undefined) throw failure.error
}

/** One source of values that `mergeSources` may open when its turn comes. */
export type Source<T> = () => AsyncIterable<T>

/**
 * The values of all sources as they come; order is kept inside a source. At most `parallel` sources are open, each with one
 * value waiting, so a slow reader holds everything up. The first failure of a source ends the merge; open sources are closed.
 */
export async function* mergeSources<T>(sources: readonly Source<T>[], parallel: number): AsyncGenerator<T, void, void> {
  const waiting = sources.values()
  const open = new Map<AsyncIterator<T>, Promise<Step<T>>>()
  const openNext = (): void => {
    const next = waiting.next()
    if (!next.done) ask(open, next.value()[Symbol.asyncIterator]())
  }
  try {
    for (let i = 0; i < parallel; i += 1) openNext()
    while (open.size > 0) {
      const { from, result } = await Promise.race(open.values())
      if (result.done) {
        open.delete(from)
        openNext()
      } else {
        // Ask again before handing on: the source works while the reader does.
        ask(open, from)
        yield result.value
      }
    }
  } finally {
    await closeAll(open)
  }
}

interface Step<T> {
  from: AsyncIterator<T>
  result: IteratorResult<T>
}

function ask<T>(open: Map<AsyncIterator<T>, Promise<Step<T>>>, from: AsyncIterator<T>): void {
  const step = from.next().then((result) => ({ from, result }))
  // A failure is seen when its turn in the race comes; until then it must not count as unhandled.
  step.catch(() => undefined)
  // Deleted first so that a fast source goes to the end of the race and others get their turn.
  open.delete(from)
  open.set(from, step)
}

async function closeAll<T>(open: Map<AsyncIterator<T>, Promise<Step<T>>>): Promise<void> {
  await Promise.allSettled(
    [...open].map(async ([from, step]) => {
      await step.catch(() => undefined)
      await from.return?.()
    }),
  )
}

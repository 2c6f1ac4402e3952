/** Works on all of `values`, so many at a time. Rejects with the first failure. */
export async function forEachParallel<T>(
  values: readonly T[],
  parallel: number,
  work: (value: T) => Promise<void>,
): Promise<void> {
  const waiting = values.values()
  const worker = async (): Promise<void> => {
    for (const value of waiting) await work(value)
  }
  await Promise.all(Array.from({ length: parallel }, worker))
}

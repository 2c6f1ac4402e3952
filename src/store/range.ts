import { StoreError, type ByteRange } from '#store/store.ts'

/** Throws 'invalid' unless `range` is whole numbers with 0 ≤ start ≤ end. */
export function checkRange(range: ByteRange | undefined, key: string): void {
  if (range === undefined) return
  const { start, end } = range
  if (Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0 && start <= end) return
  throw new StoreError('invalid', `bytes ${start}-${end} of ${key} are no range`)
}

/** The bytes to read of an object of `size` bytes; `end` is -1 for all of an empty object. Throws 'invalid' when `range` starts behind the end. */
export function clampRange(range: ByteRange | undefined, { key, size }: { key: string; size: number }): ByteRange {
  checkRange(range, key)
  if (range === undefined) return { start: 0, end: size - 1 }
  if (range.start >= size) {
    throw new StoreError('invalid', `bytes ${range.start}-${range.end} of ${key} do not exist: it has ${size} bytes`)
  }
  return { start: range.start, end: Math.min(range.end, size - 1) }
}

/** Output of a program of which only the beginning and the end are kept, however much comes. */
export interface BoundedOutput {
  add(bytes: Buffer): void
  /** What is kept, as text; where something is missing, a line says how much. */
  text(): string
}

/** Keeps up to `limit` bytes: half from the beginning, half from the end, where programs say what went wrong. */
export function boundedOutput(limit: number): BoundedOutput {
  const room = Math.floor(limit / 2)
  const head: Buffer[] = []
  let headSize = 0
  let tail = Buffer.alloc(0)
  let left = 0
  return {
    add(bytes) {
      const first = bytes.subarray(0, Math.max(0, room - headSize))
      if (first.length > 0) head.push(Buffer.from(first))
      headSize += first.length
      const rest = bytes.subarray(first.length)
      if (rest.length === 0) return
      const both = Buffer.concat([tail, rest.subarray(-(limit - room))])
      left += tail.length + rest.length
      tail = Buffer.from(both.subarray(Math.max(0, both.length - (limit - room))))
      left -= tail.length
    },
    text() {
      if (left === 0) return Buffer.concat([...head, tail]).toString()
      return `${Buffer.concat(head).toString()}\n… ${left} bytes left out …\n${tail.toString()}`
    },
  }
}

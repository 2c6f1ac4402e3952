import { NameBytes } from './name-bytes.ts'

/** Of so many names one is whole, and so many are read to find one. */
const STRIDE = 16
/** In place of a length that needs four bytes. */
const LONG = 255
const MOST_SHARED = 255

/**
 * Different names in the order of their bytes, each with a number (0 to 255) beside it. Of each only the end is kept that the one before does
 * not have: some ten bytes for most, outside of V8's heap.
 */
export class NameRun {
  /** Of each name: how many bytes it shares with the one before, how many follow, and these. */
  #bytes = Buffer.allocUnsafeSlow(1024)
  #end = 0
  /** Where every `STRIDE`th name begins, which shares nothing. */
  #heads = new Uint32Array(8)
  #values = new Uint8Array(8 * STRIDE)
  readonly #last = new NameBytes()
  readonly #found = new NameBytes()
  #length = 0

  get length(): number {
    return this.#length
  }

  /** Whether all others come before `name`. */
  endsBefore(name: NameBytes): boolean {
    return this.#length === 0 || this.#last.compare(name) < 0
  }

  /** Adds a name behind all others. */
  append(name: NameBytes, value: number): void {
    const isHead = this.#length % STRIDE === 0
    const shared = isHead ? 0 : Math.min(MOST_SHARED, this.#last.sharedWith(name))
    this.#makeRoom(name.length)
    if (isHead) this.#heads[this.#length / STRIDE] = this.#end
    this.#putName(name, shared)
    this.#values[this.#length] = value
    this.#length += 1
    this.#last.goOn(shared, name.bytes, [shared, name.length])
  }

  /** The number of a name, counted from 0; undefined when it is not there. */
  find(name: NameBytes): number | undefined {
    const head = this.#headFor(name)
    let at = this.#heads[head]!
    const end = Math.min(this.#length, (head + 1) * STRIDE)
    for (let number = head * STRIDE; number < end; number += 1) {
      at = this.#read(at, this.#found)
      const order = this.#found.compare(name)
      if (order >= 0) return order === 0 ? number : undefined
    }
    return undefined
  }

  valueOf(number: number): number {
    return this.#values[number]!
  }

  setValue(number: number, value: number): void {
    this.#values[number] = value
  }

  /** All names in their order, each good until the next one is asked for, while nothing is added. */
  *names(): Generator<readonly [name: NameBytes, value: number], void, void> {
    const name = new NameBytes()
    for (let number = 0, at = 0; number < this.#length; number += 1) {
      at = this.#read(at, name)
      yield [name, this.#values[number]!]
    }
  }

  /** The last head that is not behind `name`, or the first of all. */
  #headFor(name: NameBytes): number {
    let [from, to] = [0, Math.ceil(this.#length / STRIDE)]
    while (to - from > 1) {
      const middle = (from + to) >>> 1
      this.#read(this.#heads[middle]!, this.#found)
      if (this.#found.compare(name) <= 0) from = middle
      else to = middle
    }
    return from
  }

  /** Reads the name at `at` into `name`, where the one before is, and gives the place of the next. */
  #read(at: number, name: NameBytes): number {
    const shared = this.#bytes[at]!
    const short = this.#bytes[at + 1]!
    const from = short === LONG ? at + 6 : at + 2
    const to = from + (short === LONG ? this.#bytes.readUInt32LE(at + 2) : short)
    name.goOn(shared, this.#bytes, [from, to])
    return to
  }

  #putName(name: NameBytes, shared: number): void {
    const rest = name.length - shared
    this.#bytes[this.#end] = shared
    this.#bytes[this.#end + 1] = Math.min(LONG, rest)
    if (rest >= LONG) this.#bytes.writeUInt32LE(rest, this.#end + 2)
    const from = this.#end + (rest >= LONG ? 6 : 2)
    this.#end = from + name.bytes.copy(this.#bytes, from, shared, name.length)
  }

  #makeRoom(nameLength: number): void {
    const bytes = this.#end + nameLength + 6
    if (bytes > this.#bytes.length)
      this.#bytes = Buffer.from(this.#bytes.buffer.transfer(Math.max(bytes, Math.ceil(this.#bytes.length * 1.5))))
    if (this.#length < this.#values.length) return
    this.#values = new Uint8Array(this.#values.buffer.transfer(this.#length * 2))
    this.#heads = new Uint32Array(this.#heads.buffer.transfer((this.#length * 2 * 4) / STRIDE))
  }
}

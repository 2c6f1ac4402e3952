/**
 * Names in numbered folders, each with a small number beside it. Some 20 bytes for each and its own lie outside of V8's heap, so that
 * hundreds of thousands of names neither let the heap grow nor have to be looked through by its collector.
 */
export interface NameTable {
  /** Sets the value (0 to 254) beside a name; true when the name was not there. */
  set(folder: number, name: string, value: number): boolean
  has(folder: number, name: string): boolean
  /** False when the name was not there. */
  delete(folder: number, name: string): boolean
  /** How many names a folder has. */
  size(folder: number): number
  /** The names of a folder with their values, sorted by bytes; made as they are read, while nothing is set. */
  entries(folder: number): Iterable<readonly [name: string, value: number]>
}

/** An empty table. */
export function nameTable(): NameTable {
  return new Table()
}

/** The value beside a name that was taken out: its place is kept, should it come again. */
const GONE = 255

class Table implements NameTable {
  /** All names as UTF-8, one behind the other, with room for the next. */
  #bytes = Buffer.allocUnsafeSlow(4096)
  #count = 0
  /** Of each name: where it begins and, one further, where it ends; its folder; its value. */
  #begins = new Uint32Array(65)
  #folders = new Uint16Array(64)
  #values = new Uint8Array(64)
  /** Open addressing: the number of a name plus one, or 0. At most half full. */
  #slots = new Uint32Array(128)
  readonly #sizes: number[] = []

  set(folder: number, name: string, value: number): boolean {
    const slot = this.#find(folder, name)
    const known = this.#slots[slot]! - 1
    const isNew = known < 0 || this.#values[known] === GONE
    if (isNew) this.#sizes[folder] = this.size(folder) + 1
    if (known < 0) this.#append(folder, { slot, value })
    else this.#values[known] = value
    return isNew
  }

  has(folder: number, name: string): boolean {
    return this.#known(folder, name) !== undefined
  }

  delete(folder: number, name: string): boolean {
    const known = this.#known(folder, name)
    if (known === undefined) return false
    this.#values[known] = GONE
    this.#sizes[folder] = this.size(folder) - 1
    return true
  }

  size(folder: number): number {
    return this.#sizes[folder] ?? 0
  }

  *entries(folder: number): Generator<readonly [string, number]> {
    const numbers: number[] = []
    for (let number = 0; number < this.#count; number += 1) {
      if (this.#folders[number] === folder && this.#values[number] !== GONE) numbers.push(number)
    }
    // Lists come in this order, and an array that is nearly sorted is soon sorted.
    numbers.sort((a, b) => this.#compare(a, b))
    for (const number of numbers) {
      yield [this.#bytes.toString('utf8', this.#begins[number], this.#begins[number + 1]), this.#values[number]!]
    }
  }

  /** The number of a name that is there. */
  #known(folder: number, name: string): number | undefined {
    const known = this.#slots[this.#find(folder, name)]! - 1
    return known < 0 || this.#values[known] === GONE ? undefined : known
  }

  #compare(a: number, b: number): number {
    const begins = this.#begins
    return this.#bytes.compare(this.#bytes, begins[b], begins[b + 1], begins[a], begins[a + 1])
  }

  /** The slot of a name, or the empty one for it. The name's bytes then lie behind all others. */
  #find(folder: number, name: string): number {
    const begin = this.#begins[this.#count]!
    this.#makeRoom(begin + name.length * 3)
    const length = this.#bytes.write(name, begin)
    const end = begin + length
    this.#begins[this.#count + 1] = end
    const mask = this.#slots.length - 1
    let slot = this.#hash(folder, { begin, end }) & mask
    for (let known = this.#slots[slot]!; known !== 0; known = this.#slots[slot]!) {
      if (this.#folders[known - 1] === folder && this.#compare(known - 1, this.#count) === 0) return slot
      slot = (slot + 1) & mask
    }
    return slot
  }

  /** Keeps the name that was looked for last. */
  #append(folder: number, { slot, value }: { slot: number; value: number }): void {
    const number = this.#count
    this.#folders[number] = folder
    this.#values[number] = value
    this.#slots[slot] = number + 1
    this.#count += 1
    if (this.#count === this.#values.length) this.#grow()
  }

  /** FNV-1a. */
  #hash(folder: number, { begin, end }: { begin: number; end: number }): number {
    let hash = 0x811c9dc5 ^ folder
    for (let at = begin; at < end; at += 1) hash = Math.imul(hash ^ this.#bytes[at]!, 0x01000193)
    return hash ^ (hash >>> 15)
  }

  #makeRoom(bytes: number): void {
    if (bytes <= this.#bytes.length) return
    this.#bytes = Buffer.from(this.#bytes.buffer.transfer(Math.max(bytes, Math.ceil(this.#bytes.length * 1.5))))
  }

  #grow(): void {
    const places = this.#values.length * 2
    this.#begins = new Uint32Array(this.#begins.buffer.transfer((places + 1) * 4))
    this.#folders = new Uint16Array(this.#folders.buffer.transfer(places * 2))
    this.#values = new Uint8Array(this.#values.buffer.transfer(places))
    this.#slots = new Uint32Array(places * 2)
    const mask = this.#slots.length - 1
    for (let number = 0; number < this.#count; number += 1) {
      const place = { begin: this.#begins[number]!, end: this.#begins[number + 1]! }
      let slot = this.#hash(this.#folders[number]!, place) & mask
      while (this.#slots[slot] !== 0) slot = (slot + 1) & mask
      this.#slots[slot] = number + 1
    }
  }
}

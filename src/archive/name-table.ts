import { NameBytes } from './name-bytes.ts'
import { NameRun } from './name-run.ts'

/**
 * Names in numbered folders, each with a small number beside it. They mostly come in order, and then some ten bytes of each lie outside of V8's heap, so
 * that hundreds of thousands neither let the heap grow nor have to be looked through by its collector.
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
  const folders: Folder[] = []
  return {
    set: (folder, name, value) => (folders[folder] ??= new Folder()).set(name, value),
    has: (folder, name) => folders[folder]?.has(name) ?? false,
    delete: (folder, name) => folders[folder]?.delete(name) ?? false,
    size: (folder) => folders[folder]?.size ?? 0,
    entries: (folder) => folders[folder]?.entries() ?? [],
  }
}

/** Beside a name that was taken out: its place is kept, should it come again. */
const GONE = 255
/** So many that came out of order are kept as they are, or an eighth of all if that is more: putting them in their places means writing all anew. */
const FEW_LATE = 500

class Folder {
  #run = new NameRun()
  /** Names that came after one that belongs behind them. */
  #late = new Map<string, number>()
  readonly #sought = new NameBytes()
  size = 0

  set(name: string, value: number): boolean {
    this.#sought.write(name)
    const isNew = this.#put(name, value)
    if (isNew) this.size += 1
    if (this.#late.size > Math.max(FEW_LATE, this.#run.length / 8)) this.#putInOrder()
    return isNew
  }

  has(name: string): boolean {
    if (this.#late.has(name)) return true
    const number = this.#find(name)
    return number !== undefined && this.#run.valueOf(number) !== GONE
  }

  delete(name: string): boolean {
    const was = this.has(name)
    if (!was) return false
    this.size -= 1
    if (!this.#late.delete(name)) this.#run.setValue(this.#find(name)!, GONE)
    return true
  }

  *entries(): Generator<readonly [string, number]> {
    if (this.#late.size > 0) this.#putInOrder()
    for (const [name, value] of this.#run.names()) if (value !== GONE) yield [name.toString(), value]
  }

  #put(name: string, value: number): boolean {
    if (this.#run.endsBefore(this.#sought)) {
      this.#run.append(this.#sought, value)
      return true
    }
    const number = this.#run.find(this.#sought)
    if (number !== undefined) {
      const was = this.#run.valueOf(number)
      this.#run.setValue(number, value)
      return was === GONE
    }
    const before = this.#late.size
    return this.#late.set(name, value).size > before
  }

  #find(name: string): number | undefined {
    this.#sought.write(name)
    return this.#run.find(this.#sought)
  }

  /** Makes one run of all. */
  #putInOrder(): void {
    const all = new NameRun()
    const late = sorted(this.#late)
    let next = late.next().value
    for (const [name, value] of this.#run.names()) {
      for (; next !== undefined && next[0].compare(name) < 0; next = late.next().value) all.append(...next)
      if (value !== GONE) all.append(name, value)
    }
    for (; next !== undefined; next = late.next().value) all.append(...next)
    this.#run = all
    this.#late = new Map()
  }
}

/** Each good until the next one is asked for. */
function* sorted(names: ReadonlyMap<string, number>): Generator<readonly [name: NameBytes, value: number], undefined> {
  const entries = [...names].map(([name, value]) => ({ bytes: Buffer.from(name), value }))
  const name = new NameBytes()
  for (const { bytes, value } of entries.toSorted((a, b) => Buffer.compare(a.bytes, b.bytes))) {
    name.goOn(0, bytes, [0, bytes.length])
    yield [name, value]
  }
}

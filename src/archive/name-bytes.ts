/** One name as UTF-8, in a buffer that is used again for the next. */
export class NameBytes {
  #bytes = Buffer.allocUnsafeSlow(256)
  length = 0

  /** The name and what lies behind it. */
  get bytes(): Buffer {
    return this.#bytes
  }

  write(name: string): void {
    this.#makeRoom(name.length * 3)
    this.length = this.#bytes.write(name)
  }

  /** Keeps the first `kept` bytes; those of `source` between `from` and `to` follow. */
  goOn(kept: number, source: Buffer, [from, to]: readonly [from: number, to: number]): void {
    this.#makeRoom(kept + to - from)
    source.copy(this.#bytes, kept, from, to)
    this.length = kept + to - from
  }

  /** With how many bytes both begin. */
  sharedWith({ bytes, length }: NameBytes): number {
    const most = Math.min(length, this.length)
    let shared = 0
    while (shared < most && bytes[shared] === this.#bytes[shared]) shared += 1
    return shared
  }

  /** Below zero when this name comes before the other, by their bytes. */
  compare({ bytes, length }: NameBytes): number {
    return this.#bytes.compare(bytes, 0, length, 0, this.length)
  }

  toString(): string {
    return this.#bytes.toString('utf8', 0, this.length)
  }

  #makeRoom(bytes: number): void {
    if (bytes > this.#bytes.length) this.#bytes = Buffer.from(this.#bytes.buffer.transfer(bytes))
  }
}

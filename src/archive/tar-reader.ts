import { ArchiveError } from './error.ts'

/** What an entry of a tar says of itself. `type` is `file`, `directory`, or what else it is, for messages. */
export interface TarHeader {
  readonly path: string
  readonly type: string
  /** Bytes of content. */
  readonly size: number
}

/** An entry with its content. */
export interface TarEntry {
  readonly header: TarHeader
  /** Not to be changed. */
  readonly body: Buffer
}

/**
 * Asked about each entry before memory is taken for its content: gives the header as it is to be known, or undefined when nobody wants the content. May
 * throw.
 */
export type AcceptEntry = (header: TarHeader) => TarHeader | undefined

/** Reads one tar, piece by piece. */
export interface TarReader {
  /** The accepted entries that end in `chunk`, which must not change afterwards. Throws `corrupt`, and whatever `accept` throws. */
  read(chunk: Buffer): Iterable<TarEntry>
  /** To be called when no more comes. Throws `corrupt` unless that was the end of a whole tar. */
  end(): void
}

const BLOCK = 512
/** Of a name or a set of attributes that stands before its entry. */
const MOST_META = 1024 * 1024
const EMPTY = Buffer.alloc(0)
const ZEROS = Buffer.alloc(BLOCK)

/** By type flag; what is not here has no name of its own. */
const types: Readonly<Record<string, string>> = {
  '\0': 'file',
  '0': 'file',
  '7': 'file',
  '1': 'link',
  '2': 'symlink',
  '3': 'character-device',
  '4': 'block-device',
  '5': 'directory',
  '6': 'fifo',
}

/** Says something of the entry behind it: GNU's long name and long target of a link, attributes of one entry and of all that follow. */
type MetaFlag = 'L' | 'K' | 'x' | 'g'

/** What is said of an entry outside of its own header. */
interface Attributes {
  path?: string
  size?: number
}

/**
 * Opens a reader of ustar, PAX and GNU tars (POSIX.1-2008, pax; names and sizes only). Strict where readers differ: every header must have its checksum,
 * the end must be there, and nothing but zeros behind it.
 */
export function tarReader(accept: AcceptEntry): TarReader {
  return new Reader(accept)
}

class Reader implements TarReader {
  readonly #accept: AcceptEntry
  /** What is being read: a header, or what it announced. */
  #now: { meta: MetaFlag } | { header: TarHeader } | undefined
  #parts: Buffer[] = []
  #missing = BLOCK
  /** Bytes to be passed over before that. */
  #skip = 0
  /** Blocks of zeros seen; two are the end. */
  #zeros = 0
  #ofNext: Attributes = {}
  #ofAll: Attributes = {}

  constructor(accept: AcceptEntry) {
    this.#accept = accept
  }

  *read(chunk: Buffer): Generator<TarEntry> {
    for (let at = 0; at < chunk.length;) {
      if (this.#skip > 0) {
        const passed = Math.min(this.#skip, chunk.length - at)
        this.#skip -= passed
        at += passed
        continue
      }
      const piece = chunk.subarray(at, at + this.#missing)
      at += piece.length
      this.#missing -= piece.length
      if (this.#missing > 0) {
        this.#parts.push(piece)
        continue
      }
      const whole = this.#parts.length === 0 ? piece : Buffer.concat([...this.#parts.splice(0), piece])
      const entry = this.#now === undefined ? this.#takeHeader(whole) : this.#takeContent(whole)
      if (entry !== undefined) yield entry
    }
  }

  end(): void {
    const rest = Buffer.concat(this.#parts)
    if (this.#zeros < 2 || this.#skip > 0 || this.#now !== undefined) throw corrupt('it ends too early')
    if (!rest.equals(ZEROS.subarray(0, rest.length))) throw corrupt('it goes on behind its end')
  }

  /** A header without content is an entry by itself. */
  #takeHeader(block: Buffer): TarEntry | undefined {
    this.#missing = BLOCK
    if (block[0] === 0 && block.equals(ZEROS)) {
      this.#zeros += 1
      return undefined
    }
    if (this.#zeros > 0) throw corrupt('it goes on behind its end')
    checkSum(block)
    const flag = String.fromCharCode(block[156]!)
    return isMeta(flag) ? this.#beginMeta(flag, numberAt(block, 124, 12)) : this.#beginEntry(block, flag)
  }

  #beginMeta(meta: MetaFlag, size: number): undefined {
    if (size > MOST_META) throw corrupt(`it has a name of ${size} bytes`)
    this.#now = { meta }
    this.#missing = size
    if (size === 0) this.#takeContent(EMPTY)
  }

  #beginEntry(block: Buffer, flag: string): TarEntry | undefined {
    const said = { ...this.#ofAll, ...this.#ofNext }
    this.#ofNext = {}
    const size = said.size ?? numberAt(block, 124, 12)
    const type = types[flag] ?? `entry of type ${JSON.stringify(flag)}`
    const header = this.#accept({ path: said.path ?? pathIn(block), type, size })
    // Some readers take what follows for its content, others for the next header.
    if (type === 'directory' && size > 0) throw corrupt('it has a directory with content')
    if (header === undefined) {
      this.#skip = size + paddingOf(size)
      return undefined
    }
    if (size === 0) return { header, body: EMPTY }
    this.#now = { header }
    this.#missing = size
    return undefined
  }

  #takeContent(body: Buffer): TarEntry | undefined {
    const now = this.#now!
    this.#now = undefined
    this.#missing = BLOCK
    this.#skip = paddingOf(body.length)
    if ('header' in now) return { header: now.header, body }
    if (now.meta === 'L') this.#ofNext.path = textIn(body, 0, body.length)
    if (now.meta === 'x') this.#ofNext = { ...this.#ofNext, ...attributesIn(body) }
    if (now.meta === 'g') this.#ofAll = { ...this.#ofAll, ...attributesIn(body) }
    return undefined
  }
}

function isMeta(flag: string): flag is MetaFlag {
  return flag === 'L' || flag === 'K' || flag === 'x' || flag === 'g'
}

function paddingOf(size: number): number {
  return -size & (BLOCK - 1)
}

/** The sum of all bytes, as if its own eight were spaces. */
function checkSum(block: Buffer): void {
  let sum = 8 * 32
  for (let at = 0; at < 148; at += 1) sum += block[at]!
  for (let at = 156; at < BLOCK; at += 1) sum += block[at]!
  if (sum !== numberAt(block, 148, 8)) throw corrupt('a header has not the checksum it says')
}

/** Only POSIX has a prefix; GNU, which writes `ustar  `, has other things in its place. */
function pathIn(block: Buffer): string {
  const name = textIn(block, 0, 100)
  if (block[262] !== 0 || block.toString('latin1', 257, 262) !== 'ustar') return name
  const prefix = textIn(block, 345, 155)
  return prefix === '' ? name : `${prefix}/${name}`
}

/** Up to the first zero byte. */
function textIn(bytes: Buffer, from: number, length: number): string {
  const zero = bytes.subarray(from, from + length).indexOf(0)
  return bytes.toString('utf8', from, from + (zero < 0 ? length : zero))
}

/** Octal digits, spaces around them; or, with the highest bit set, the bytes of the number itself. */
function numberAt(block: Buffer, from: number, length: number): number {
  const isBinary = (block[from]! & 0x80) !== 0
  let value = isBinary ? block[from]! & 0x7f : 0
  for (let at = from + (isBinary ? 1 : 0); at < from + length; at += 1) {
    const byte = block[at]!
    if (isBinary) value = value * 256 + byte
    else if (byte >= 0x30 && byte <= 0x37) value = value * 8 + byte - 0x30
    else if (byte === 0) break
    else if (byte !== 0x20) throw corrupt('a header has a number that is none')
  }
  if (!Number.isSafeInteger(value)) throw corrupt('a header has a number that is too large')
  return value
}

/** Records of the form `length key=value` and a newline, the length that of the whole record. */
function attributesIn(bytes: Buffer): Attributes {
  const attributes: Attributes = {}
  for (let at = 0; at < bytes.length;) {
    const space = bytes.indexOf(0x20, at)
    const digits = bytes.toString('latin1', at, space < 0 ? at : space)
    const end = at + Number(digits)
    if (!/^[1-9]\d{0,9}$/.test(digits) || end > bytes.length || end <= space + 1 || bytes[end - 1] !== 0x0a) {
      throw corrupt('it has attributes that are none')
    }
    const [key = '', ...value] = bytes.toString('utf8', space + 1, end - 1).split('=')
    if (key === 'path') attributes.path = value.join('=')
    if (key === 'size') attributes.size = sizeIn(value.join('='))
    at = end
  }
  return attributes
}

function sizeIn(text: string): number {
  if (/^\d+$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text)
  throw corrupt('it has attributes that are none')
}

function corrupt(reason: string): ArchiveError {
  return new ArchiveError(
    'corrupt',
    `the archive's tar data is damaged or cut short (${reason}); fetch it again, or use another backup`,
  )
}

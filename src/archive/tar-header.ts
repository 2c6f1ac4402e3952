const block = 512
/** Of the fields in a header. */
const place = { size: 124, checksum: 148, prefix: 345 }

/** What the header of one regular file says. */
export interface TarFile {
  readonly path: string
  /** Bytes. */
  readonly size: number
}

/** Zero bytes that follow a file of `size` bytes. */
export function paddingOf(size: number): number {
  return -size & (block - 1)
}

/** What the header of a file with this path takes at most. */
export function mostHeaderBytes(path: string): number {
  // Beyond ustar: a header for the record, the record with up to three bytes for each character, the header itself.
  return path.length <= 100 ? 4 * block : 4 * block + 3 * path.length
}

/**
 * Puts the header blocks of a regular file, mode 0755, owner 0, at `at` and gives the place behind them: ustar where the path fits, else
 * preceded by a PAX record with the path.
 */
export type PutHeader = (file: TarFile, target: Buffer, at: number) => number

/** For files that were all changed at `mtime`, in seconds since 1970. */
export function headersOf(mtime: number): PutHeader {
  const [plain, pax] = [commonHeader(mtime, '0'), commonHeader(mtime, 'x')]
  return ({ path, size }, target, at) => {
    const ustar = ustarPath(path)
    if (ustar !== undefined) return put(plain, { ...ustar, size }, target, at)
    const record = Buffer.from(paxRecord('path', path))
    const padding = paddingOf(record.length)
    const short = shortened(path)
    const recordAt = put(pax, { name: `PaxHeaders/${short}`, prefix: '', size: record.length }, target, at)
    record.copy(target, recordAt)
    target.fill(0, recordAt + record.length, recordAt + record.length + padding)
    return put(plain, { name: short, prefix: '', size }, target, recordAt + record.length + padding)
  }
}

interface UstarPath {
  readonly name: string
  readonly prefix: string
}

/** Splits a path into ustar's name and prefix; undefined when it does not fit or is not ASCII. */
function ustarPath(path: string): UstarPath | undefined {
  if (path.length > 256 || !isAscii(path)) return undefined
  if (path.length <= 100) return { name: path, prefix: '' }
  const slash = path.lastIndexOf('/', 155)
  if (slash <= 0 || path.length - slash - 1 > 100 || slash === path.length - 1) return undefined
  return { name: path.slice(slash + 1), prefix: path.slice(0, slash) }
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 126) return false
  return true
}

function shortened(path: string): string {
  return Buffer.from(path)
    .subarray(0, 80)
    .toString('latin1')
    .replace(/[^ -~]/g, '_')
}

/** A PAX record starts with its own length in bytes, digits included. */
function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`
  const bytes = Buffer.byteLength(rest)
  let length = bytes + 1
  while (bytes + String(length).length !== length) length = bytes + String(length).length
  return `${length}${rest}`
}

interface CommonHeader {
  readonly bytes: Buffer
  readonly sum: number
}

/** What the headers of all files have in common. The checksum is taken as if its own field were blanks. */
function commonHeader(mtime: number, type: '0' | 'x'): CommonHeader {
  const bytes = Buffer.alloc(block)
  const [mode, nobody] = ['0000755\0', '0000000\0']
  bytes.write(mode + nobody + nobody, 100, 'latin1')
  putOctal(mtime, bytes, 136, 11)
  bytes.write(`        ${type}`, place.checksum, 'latin1')
  bytes.write('ustar\x0000', 257, 'latin1')
  return { bytes, sum: bytes.reduce((sum, byte) => sum + byte, 0) }
}

function put(
  common: CommonHeader,
  { name, prefix, size }: UstarPath & { size: number },
  target: Buffer,
  at: number,
): number {
  common.bytes.copy(target, at)
  const sum =
    common.sum +
    putText(name, target, at) +
    putText(prefix, target, at + place.prefix) +
    putOctal(size, target, at + place.size, 11)
  putOctal(sum, target, at + place.checksum, 6)
  target[at + place.checksum + 6] = 0
  return at + block
}

// A string is short here, and its bytes are added up in any case: that is cheaper than a call of Buffer.write. Both give the sum of what they put.
function putText(text: string, target: Buffer, at: number): number {
  let sum = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    target[at + i] = code
    sum += code
  }
  return sum
}

function putOctal(value: number, target: Buffer, at: number, digits: number): number {
  let sum = 0
  for (let i = digits - 1, rest = value; i >= 0; i--, rest = Math.floor(rest / 8)) {
    const code = 48 + (rest % 8)
    target[at + i] = code
    sum += code
  }
  return sum
}

const block = 512
const mode = '0000755\0'
const nobody = '0000000\0'

/** What the header of one regular file says. */
export interface TarFile {
  readonly path: string
  /** Bytes. */
  readonly size: number
  /** Seconds since 1970. */
  readonly mtime: number
}

/** Zero bytes that follow a file of `size` bytes. */
export function paddingOf(size: number): number {
  return -size & (block - 1)
}

/** The header blocks of a regular file, mode 0755, owner 0: ustar where the path fits, else preceded by a PAX record with the path. */
export function tarHeader(file: TarFile): Buffer {
  const ustar = ustarPath(file.path)
  if (ustar !== undefined) {
    const header = Buffer.alloc(block)
    writeHeader(header, ustar, { ...file, type: '0' })
    return header
  }
  const records = Buffer.from(paxRecord('path', file.path))
  const at = block + records.length + paddingOf(records.length)
  const blocks = Buffer.alloc(at + block)
  const short = Buffer.from(file.path)
    .subarray(0, 80)
    .toString('latin1')
    .replace(/[^ -~]/g, '_')
  writeHeader(
    blocks.subarray(0, block),
    { name: `PaxHeaders/${short}`, prefix: '' },
    { ...file, size: records.length, type: 'x' },
  )
  records.copy(blocks, block)
  writeHeader(blocks.subarray(at), { name: short, prefix: '' }, { ...file, type: '0' })
  return blocks
}

interface UstarPath {
  name: string
  prefix: string
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

/** A PAX record starts with its own length in bytes, digits included. */
function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`
  const bytes = Buffer.byteLength(rest)
  let length = bytes + 1
  while (bytes + String(length).length !== length) length = bytes + String(length).length
  return `${length}${rest}`
}

function writeHeader(header: Buffer, { name, prefix }: UstarPath, file: TarFile & { type: string }): void {
  header.write(name, 0, 'latin1')
  header.write(mode + nobody + nobody + octal(file.size, 11) + octal(file.mtime, 11), 100, 'latin1')
  // The checksum is taken as if its own field were blanks.
  header.write(`        ${file.type}`, 148, 'latin1')
  header.write('ustar\x0000', 257, 'latin1')
  if (prefix !== '') header.write(prefix, 345, 'latin1')
  let sum = 0
  for (let i = 0; i < block; i++) sum += header[i]!
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
}

function octal(value: number, digits: number): string {
  return `${value.toString(8).padStart(digits, '0')}\0`
}

import { promisify } from 'node:util'
import { gzip as compress } from 'node:zlib'
import { ArchiveError } from './error.ts'
import { gunzip } from './gzip.ts'

/** Where stored bytes come from: a stream of the store, or all of them. */
export type StoredBytes = AsyncIterable<Uint8Array> | Uint8Array

/** `name` is the file's, for messages; more than `maxBytes` (default 256 MiB) of text is 'too-large'. */
export interface DecodeOptions {
  readonly name: string
  readonly maxBytes?: number | undefined
}

const gzipWhole = promisify(compress)

/** One gzip member with one compact JSON document as Go's encoder writes it: `<`, `>`, `&` escaped, newline at the end (spec/object-store §2). */
export async function encodeJsonGz(value: unknown): Promise<Uint8Array> {
  return await gzipWhole(`${goJson(value)}\n`)
}

/** JSON with the escapes of Go's encoder. */
export function goJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** The value in a gzip'd JSON artifact: 'not-gzip', 'corrupt', 'truncated', 'trailing-data', 'too-large' or 'invalid-json'. */
export async function decodeJsonGz(
  bytes: StoredBytes,
  { name, maxBytes = 256 * 2 ** 20 }: DecodeOptions = { name: 'the file' },
): Promise<unknown> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of gunzip(streamOf(bytes), { name })) {
    size += chunk.length
    if (size > maxBytes)
      throw new ArchiveError(
        'too-large',
        `${name} unpacks to more than ${maxBytes} bytes; if it is genuine, raise the limit`,
      )
    chunks.push(chunk)
  }
  try {
    return JSON.parse(Buffer.concat(chunks, size).toString())
  } catch (error) {
    throw new ArchiveError('invalid-json', `${name} holds no valid JSON; fetch it again, or do without it`, {
      cause: error,
    })
  }
}

/** Like `decodeJsonGz` for an artifact that holds a list; Velero writes an empty one as `null` or `[]`. */
export async function decodeListGz(bytes: StoredBytes, options: DecodeOptions): Promise<unknown[]> {
  const value = (await decodeJsonGz(bytes, options)) ?? []
  if (Array.isArray(value)) return value
  throw new ArchiveError('invalid-json', `${options.name} holds no list; fetch it again, or do without it`)
}

/** Like `decodeJsonGz` for an artifact that holds an object. */
export async function decodeMapGz(bytes: StoredBytes, options: DecodeOptions): Promise<Record<string, unknown>> {
  const value = await decodeJsonGz(bytes, options)
  if (isMap(value)) return value
  throw new ArchiveError('invalid-json', `${options.name} holds no object; fetch it again, or do without it`)
}

/** True for a JSON object that is neither null nor a list. */
export function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The same bytes as a stream. */
export async function* streamOf(bytes: StoredBytes): AsyncGenerator<Uint8Array> {
  if (bytes instanceof Uint8Array) yield bytes
  else yield* bytes
}

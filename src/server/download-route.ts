import { Readable } from 'node:stream'
import type { Context } from 'hono'
import { downloadRefusals, type DownloadRefusal } from '#api/download-request.ts'
import type { LocationStores } from '#controllers/location-stores.ts'
import type { ProcessLog } from '#runtime/controller.ts'
import { StoreError, type ObjectStore } from '#store/store.ts'
import { readLink, type LinkTarget } from './signed-link.ts'

export interface DownloadOptions {
  readonly stores: LocationStores
  readonly linkSecret: Uint8Array
  readonly now: () => Date
  readonly log: ProcessLog
}

/**
 * Streams the file of whatever store a signed link leads to. The link is all that is asked for: through the API server's proxy nobody's identity comes
 * along, and any pod reaches the port.
 */
export async function download(request: Context, options: DownloadOptions): Promise<Response> {
  const { stores, linkSecret, now, log } = options
  const target = readLink(new URL(request.req.url).searchParams, { secret: linkSecret, now: now() })
  if (target === undefined) return refusal(request, 'link', 'this link is not valid, or not any more')
  const where = { location: target.location, key: target.key }
  try {
    const bytes = await bytesOf(await stores.openNamed(target.location), target)
    bytes.once('error', (error) => log.warn({ ...where, error: error.message }, 'download broke off'))
    return new Response(Readable.toWeb(bytes) as ReadableStream, {
      headers: { 'content-type': 'application/octet-stream' },
    })
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    if (error.problem === 'missing') return refusal(request, 'missing', 'not found')
    log.warn({ ...where, error: error.message }, 'download failed')
    return refusal(request, 'store', error.message)
  }
}

/** Closes the store at the end of the bytes. */
async function bytesOf(store: ObjectStore, { key }: LinkTarget): Promise<Readable> {
  try {
    const bytes = Readable.from(await store.get(key))
    // 'close' also comes when the client goes away in the middle.
    bytes.once('close', () => void store.close().catch(() => undefined))
    return bytes
  } catch (error) {
    await store.close()
    throw error
  }
}

const codes = { missing: 404, link: 403, store: 502 } as const

/** A line for people; for clients of the API server, who say that they read its language, a Status as it would give. */
function refusal(request: Context, refused: DownloadRefusal, message: string): Response {
  const code = codes[refused]
  if (request.req.header('accept')?.includes('application/json') !== true) return request.text(`${message}\n`, code)
  const status = { apiVersion: 'v1', kind: 'Status', status: 'Failure', reason: downloadRefusals[refused], message }
  return request.json({ ...status, code }, code)
}

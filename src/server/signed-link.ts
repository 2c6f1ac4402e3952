import { createHmac, timingSafeEqual } from 'node:crypto'

/** What a link of ours gives access to, and until when (ms since 1970). */
export interface LinkTarget {
  readonly location: string
  readonly key: string
  readonly expires: number
}

/** The query of a link that whoever has it may follow until it expires. `secret` belongs to the server's process. */
export function signLink(target: LinkTarget, secret: Uint8Array): string {
  const { location, key, expires } = target
  return new URLSearchParams({
    location,
    key,
    expires: String(expires),
    signature: signature(target, secret),
  }).toString()
}

/** The target of a link's query; undefined when the signature is wrong or the time is over. */
export function readLink(query: URLSearchParams, options: { secret: Uint8Array; now: Date }): LinkTarget | undefined {
  const target = {
    location: query.get('location') ?? '',
    key: query.get('key') ?? '',
    expires: Number(query.get('expires')),
  }
  const given = Buffer.from(query.get('signature') ?? '')
  const right = Buffer.from(signature(target, options.secret))
  if (given.length !== right.length || !timingSafeEqual(given, right)) return undefined
  return target.expires > options.now.getTime() ? target : undefined
}

function signature({ location, key, expires }: LinkTarget, secret: Uint8Array): string {
  return createHmac('sha256', secret)
    .update(JSON.stringify([location, key, expires]))
    .digest('hex')
}

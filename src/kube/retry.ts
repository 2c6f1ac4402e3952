/** How one try of a call ended without success. */
export type Setback =
  /** The server answered with an error status; `retryAfter` is its Retry-After in seconds. */
  | { readonly kind: 'status'; readonly status: number; readonly retryAfter: number | undefined }
  /** No connection was made, so nothing was processed. */
  | { readonly kind: 'not-sent' }
  /** The connection broke or fell silent after the request had left: the server may or may not have done it. */
  | { readonly kind: 'interrupted' }

/** What the decision to try again depends on. */
export interface Try {
  readonly setback: Setback
  readonly repeatable: boolean
  /** Tries made so far, this one included. */
  readonly tries: number
  /** Whether this server has ever answered: one that never did is more likely a wrong address than a restart. */
  readonly answeredBefore: boolean
  /** Milliseconds since the first try began, and how many of them the call is worth; a server that is only busy may take longer. */
  readonly spent: { readonly millis: number; readonly most: number }
  /** Between 0 and 1, spreads clients that failed together. */
  readonly random: number
}

const FIRST_WAIT = 200
const LONGEST_WAIT = 10_000
/** A server that asks for more than this is not waited for to the full. */
const LONGEST_RETRY_AFTER = 60_000
const MOST_TRIES = 8
/** A server that is only busy is making progress: it is worth more patience. */
const MOST_TRIES_WHEN_BUSY = 12
const MOST_TRIES_OF_STRANGER = 3

/** Milliseconds to wait before the next try; undefined when there should be none. */
export function retryDelay(attempt: Try): number | undefined {
  const { setback, repeatable, tries, spent } = attempt
  if (tries >= mostTries(attempt) || !mayTryAgain(setback, repeatable)) return undefined
  if (spent.millis >= spent.most && !isBusy(setback)) return undefined
  // Half of the wait is random, so clients that failed together do not come back together.
  const backOff = Math.min(FIRST_WAIT * 2 ** (tries - 1), LONGEST_WAIT) * (0.5 + attempt.random / 2)
  if (setback.kind !== 'status' || setback.retryAfter === undefined) return backOff
  return Math.min(setback.retryAfter * 1000, LONGEST_RETRY_AFTER) + FIRST_WAIT * attempt.random
}

function mayTryAgain(setback: Setback, repeatable: boolean): boolean {
  switch (setback.kind) {
    case 'not-sent':
      return true
    case 'interrupted':
      return repeatable
    case 'status':
      if (isBusy(setback)) return true
      // With Retry-After the server says that it turned the request away; without, it may have died in the middle of it.
      if (setback.status === 503) return repeatable || setback.retryAfter !== undefined
      return repeatable && (setback.status === 500 || setback.status === 502 || setback.status === 504)
  }
}

function mostTries({ setback, answeredBefore }: Try): number {
  if (isBusy(setback)) return MOST_TRIES_WHEN_BUSY
  return setback.kind !== 'status' && !answeredBefore ? MOST_TRIES_OF_STRANGER : MOST_TRIES
}

function isBusy(setback: Setback): boolean {
  return setback.kind === 'status' && setback.status === 429
}

/** Seconds of a Retry-After header, which may also be a date; undefined when there is none or it makes no sense. */
export function retryAfterSeconds(header: string | undefined, now: Date): number | undefined {
  if (header === undefined) return undefined
  if (/^\d+$/.test(header)) return Number(header)
  const date = Date.parse(header)
  return Number.isNaN(date) ? undefined : Math.max(0, (date - now.getTime()) / 1000)
}

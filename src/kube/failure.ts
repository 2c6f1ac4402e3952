import type { Call } from './call.ts'
import type { KubeProblem, StatusCause } from './error.ts'
import { KubeError } from './error.ts'

/** The fields of `metav1.Status` that say what went wrong. */
interface Status {
  message?: string
  reason?: string
  code?: number
  details?: { name?: string; causes?: StatusCause[] } | null
}

/** Longest excerpt of an answer that is not a Status (a proxy's HTML page, say) in a message. */
const EXCERPT = 300
/** Enough of what should have been an object to see what it is, too little to hold a secret's value. */
const EXCERPT_OF_NONSENSE = 40

/** The error for an answer with status 4xx or 5xx; `body` is a Status or whatever a proxy in between wrote. */
export function statusFailure(call: Pick<Call, 'verb' | 'object'>, code: number, body: string): KubeError {
  const status = statusIn(body)
  const reason = status.reason ?? ''
  const problem = problemOf(code, reason)
  const serverMessage = status.message ?? ''
  const said = serverMessage === '' ? `the server answered ${code}` : serverMessage
  const step = nextStep(problem, call, status)
  return new KubeError(problem, `cannot ${call.verb} ${call.object}: ${said}${step === '' ? '' : `; ${step}`}`, {
    status: code,
    reason,
    object: call.object,
    serverMessage,
    causes: status.details?.causes ?? [],
  })
}

/** The error for an ERROR event of a watch, whose object is a Status. */
export function eventFailure(call: Pick<Call, 'verb' | 'object'>, status: object): KubeError {
  return statusFailure(call, (status as Status).code ?? 500, JSON.stringify({ kind: 'Status', ...status }))
}

/** The error for an answer with status 2xx that is not what was asked for, such as a login page of a proxy in between. */
export function unreadable(call: Pick<Call, 'verb' | 'object'>, body: string, cause?: unknown): KubeError {
  const excerpt = JSON.stringify(body.trim().slice(0, EXCERPT_OF_NONSENSE))
  return new KubeError(
    'server',
    `cannot ${call.verb} ${call.object}: the answer is not an API server's, it begins with ${excerpt}; check whether \`server\` in the kubeconfig leads to the API server, and proxies in between`,
    { status: 200, object: call.object, cause },
  )
}

function statusIn(body: string): Status {
  try {
    const parsed: unknown = JSON.parse(body)
    if (typeof parsed === 'object' && parsed !== null && (parsed as { kind?: unknown }).kind === 'Status') return parsed
  } catch {
    // Not the API server's words: a proxy's or a load balancer's.
  }
  return { message: body.trim().slice(0, EXCERPT) }
}

function problemOf(code: number, reason: string): KubeProblem {
  switch (code) {
    case 400:
    case 413:
    case 422:
      return 'invalid'
    case 401:
      return 'unauthorized'
    case 403:
      return 'forbidden'
    case 404:
      return 'not-found'
    case 405:
    case 406:
    case 415:
      return 'unsupported'
    case 409:
      return reason === 'AlreadyExists' ? 'already-exists' : 'conflict'
    case 410:
      return 'expired'
    case 429:
      return 'busy'
    default:
      return reason === 'ServerTimeout' ? 'busy' : 'server'
  }
}

function nextStep(problem: KubeProblem, call: Pick<Call, 'verb' | 'object'>, status: Status): string {
  switch (problem) {
    case 'unauthorized':
      return 'the server did not accept the credentials: log in again or check the user of the context'
    case 'forbidden':
      return `ask the cluster's administrator for the verb "${call.verb}" on ${call.object.split(' ')[0]}`
    case 'conflict':
      return 'it was changed in between: read it again and repeat'
    case 'expired':
      return 'that version is no longer kept: list again'
    case 'busy':
      return 'the server is overloaded: try again later'
    case 'invalid':
      return (status.details?.causes ?? []).length > 1 ? 'correct the fields named' : ''
    case 'not-found':
      return status.details?.name === undefined ? 'the server may not serve this type' : ''
    case 'already-exists':
    case 'unreachable':
    case 'certificate':
    case 'unsupported':
    case 'server':
      return ''
  }
}

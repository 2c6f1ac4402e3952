import { StoreError, type StoreProblem } from '#store/store.ts'

/** What a message needs to know about the request that failed. */
export interface S3Request {
  /** What was tried, such as `read backups/a/a.tar.gz`. */
  doing: string
  /** The bucket's name. */
  bucket: string
  /** The store's URL, without credentials. */
  url: string
}

type Cause = { problem: StoreProblem; words: string }

const fixKey = 'check the access key and secret (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, or the profile)'
const fixRegion = 'set the region and endpoint of the bucket'

/** Codes of the S3 API and names of SDK errors, as servers really send them. */
const byName: Readonly<Record<string, Cause>> = {
  NoSuchKey: { problem: 'missing', words: 'there is no such object' },
  NoSuchBucket: { problem: 'no-bucket', words: 'there is no such bucket: create it, or check its name' },
  PreconditionFailed: { problem: 'exists', words: 'it is already there: an object is never overwritten' },
  AccessDenied: { problem: 'denied', words: 'access denied: check the permissions of this access key on the bucket' },
  InvalidAccessKeyId: { problem: 'denied', words: `the server does not know this access key: ${fixKey}` },
  XAdminUserNotFound: { problem: 'denied', words: `the server does not know this access key: ${fixKey}` }, // versitygw
  SignatureDoesNotMatch: { problem: 'denied', words: `the secret does not belong to this access key: ${fixKey}` },
  ExpiredToken: { problem: 'denied', words: 'the credentials have expired: renew them' },
  InvalidToken: { problem: 'denied', words: 'the session token is not valid: renew the credentials' },
  RequestTimeTooSkewed: { problem: 'denied', words: "this machine's clock differs from the server's: set it right" },
  CredentialsProviderError: { problem: 'denied', words: `no credentials found: ${fixKey}` },
  ConditionalRequestConflict: { problem: 'busy', words: 'somebody else writes it at this moment: try again' },
  OperationAborted: { problem: 'busy', words: 'somebody else writes it at this moment: try again' },
  SlowDown: { problem: 'busy', words: 'the server asks to slow down: try again later' },
  QuotaExceeded: { problem: 'full', words: 'the quota of the bucket is used up: raise it, or delete old backups' },
  XMinioStorageFull: { problem: 'full', words: 'the server has no space left: add some, or delete old backups' },
  XMinioAdminBucketQuotaExceeded: {
    problem: 'full',
    words: 'the quota of the bucket is used up: raise it, or delete old backups',
  },
  InvalidRange: { problem: 'invalid', words: 'these bytes do not exist' },
  PermanentRedirect: { problem: 'invalid', words: `the bucket lives in another region: ${fixRegion}` },
  AuthorizationHeaderMalformed: { problem: 'invalid', words: `the region does not fit the bucket: ${fixRegion}` },
  InvalidBucketName: { problem: 'invalid', words: 'this is not the name of a bucket' },
  KeyTooLongError: { problem: 'invalid', words: 'the key is too long for this server: use a shorter name or prefix' },
  TimeoutError: { problem: 'unreachable', words: 'the server does not answer: check the endpoint and the network' },
}

const byStatus: Readonly<Record<number, Cause>> = {
  301: { problem: 'invalid', words: `the bucket lives elsewhere: ${fixRegion}` },
  401: { problem: 'denied', words: `the server wants credentials: ${fixKey}` },
  403: { problem: 'denied', words: `access denied: ${fixKey}, and its permissions on the bucket` },
  404: { problem: 'missing', words: 'there is no such object' },
  409: { problem: 'busy', words: 'it conflicts with another request: try again' },
  412: { problem: 'exists', words: 'it is already there: an object is never overwritten' },
  416: { problem: 'invalid', words: 'these bytes do not exist' },
  429: { problem: 'busy', words: 'the server asks to slow down: try again later' },
  500: { problem: 'busy', words: 'the server failed: try again, and read its log' },
  502: { problem: 'unreachable', words: 'the proxy before the server cannot reach it: try again' },
  503: { problem: 'busy', words: 'the server is overloaded: try again later' },
  504: { problem: 'unreachable', words: 'the proxy before the server cannot reach it: try again' },
  507: { problem: 'full', words: 'the server has no space left: add some, or delete old backups' },
}

const byCode: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there: check the endpoint, and that the server runs',
  ENOTFOUND: 'no such host: check the endpoint',
  EAI_AGAIN: 'the name service does not answer: check the network',
  ECONNRESET: 'the server closed the connection: try again',
  EPIPE: 'the server closed the connection: try again',
  ETIMEDOUT: 'the server does not answer: check the endpoint and the network',
  EHOSTUNREACH: 'no route to the host: check the endpoint and the network',
  ENETUNREACH: 'no route to the network: check the network',
  EPROTO: 'the server does not speak TLS there: check http:// and https:// in the endpoint',
  ERR_SSL_WRONG_VERSION_NUMBER: 'the server does not speak TLS there: check http:// and https:// in the endpoint',
}

const untrusted = /CERT|SELF_SIGNED|UNABLE_TO_(VERIFY|GET_ISSUER)/

/** The StoreError for what the SDK threw; an error that comes neither from the server nor the network comes back as it is. */
export function s3Error(error: unknown, request: S3Request): unknown {
  if (error instanceof StoreError || !(error instanceof Error)) return error
  const cause = causeOf(error)
  if (cause === undefined) return error
  return new StoreError(cause.problem, `cannot ${request.doing} in ${request.url}: ${cause.words}`, { cause: error })
}

/** The HTTP status the server answered; undefined when it did not. */
export function httpStatus(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('$metadata' in error)) return undefined
  return (error.$metadata as { httpStatusCode?: number }).httpStatusCode
}

/** Whether the server said of a request that it knows of no such thing. */
export function isNotImplemented(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined
  return httpStatus(cause) === 501 || (cause instanceof Error && cause.name === 'NotImplemented')
}

function causeOf(error: Error): Cause | undefined {
  const known = byName[error.name]
  if (known !== undefined) return known
  const status = httpStatus(error)
  const answered = status === undefined ? undefined : byStatus[status]
  if (answered !== undefined) return answered
  if (status !== undefined && status >= 400) {
    const words = `the server refuses it (${status} ${error.name}: ${error.message}): check the settings of the store`
    return { problem: status >= 500 ? 'busy' : 'invalid', words }
  }
  return causeOfNetworkError(error)
}

function causeOfNetworkError(error: Error): Cause | undefined {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  if (untrusted.test(code)) {
    return {
      problem: 'invalid',
      words: `the server's certificate is not trusted (${code}): name its authority (caFile in a URL, caCert of a location)`,
    }
  }
  const words = byCode[code]
  if (words !== undefined) return { problem: 'unreachable', words }
  // An address that is tried over IPv6 and IPv4 gives one error for each.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : undefined
  return first instanceof Error ? causeOfNetworkError(first) : undefined
}

import { SnapshotError, type SnapshotProblem } from './snapshotter.ts'

type Cause = readonly [problem: SnapshotProblem, words: string]

const raise = 'delete snapshots that nobody needs, or ask AWS for a higher quota'
const grant = 'give the role of the server that permission'
const login = 'check the credentials of the location'

/** Codes of the EC2 API, and names of errors of the SDK. */
const byName: Readonly<Record<string, Cause>> = {
  RequestLimitExceeded: ['busy', 'AWS goes on refusing so many requests: repeat it later, or ask for a higher rate'],
  Throttling: ['busy', 'AWS goes on refusing so many requests: repeat it later, or ask for a higher rate'],
  SnapshotCreationPerVolumeRateExceeded: [
    'busy',
    'a snapshot of this volume was begun seconds ago: repeat it a little later',
  ],
  SnapshotLimitExceeded: ['quota', `the quota of snapshots is used up: ${raise}`],
  PendingSnapshotLimitExceeded: ['quota', 'too many snapshots are under way: repeat it when some of them are done'],
  ConcurrentSnapshotLimitExceeded: [
    'quota',
    'too many snapshots of this volume are under way: repeat it when some of them are done',
  ],
  ResourceLimitExceeded: ['quota', 'a quota of the account is used up: ask AWS for a higher one'],
  VolumeLimitExceeded: ['quota', 'the quota of volumes is used up: delete some, or ask AWS for a higher one'],
  MaxIOPSLimitExceeded: ['quota', 'the quota of IOPS is used up: ask AWS for a higher one'],
  TagLimitExceeded: ['quota', 'the volume and the backup have too many tags: take some away'],
  'InvalidVolume.NotFound': ['missing', 'there is no such volume in this region: check the region of the location'],
  'InvalidSnapshot.NotFound': [
    'missing',
    'there is no such snapshot in this region: somebody deleted it, or the region of the location is another one',
  ],
  'InvalidZone.NotFound': [
    'invalid',
    'its zone is not one of this region: name another one in the annotation lifeboat.dev/zones of the location',
  ],
  IncorrectState: ['busy', 'it is not in a state that allows this: repeat it later'],
  UnauthorizedOperation: ['denied', `not permitted: ${grant}`],
  AuthFailure: ['denied', `AWS does not accept the credentials: ${login}`],
  InvalidClientTokenId: ['denied', `AWS does not know the access key: ${login}`],
  SignatureDoesNotMatch: ['denied', `the secret does not belong to the access key: ${login}`],
  RequestExpired: ['denied', "this machine's clock differs from AWS's: set it right"],
  ExpiredToken: ['denied', `the credentials have expired: ${login}`],
  CredentialsProviderError: ['denied', `no credentials found: ${login}, or give the server's pod a role`],
  OptInRequired: ['denied', 'the account is not subscribed to this service or region'],
  InvalidKmsKey: ['denied', 'the KMS key of the volume cannot be used: give the role the rights to it'],
  TimeoutError: ['unreachable', 'AWS does not answer: check the network'],
}

const byCode: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there: check the endpoint',
  ENOTFOUND: 'there is no such host: check the region and the endpoint',
  EAI_AGAIN: 'the name service does not answer: check the network',
  ECONNRESET: 'the connection was closed: try again',
  ETIMEDOUT: 'AWS does not answer: check the network',
  EHOSTUNREACH: 'there is no route to it: check the network',
  ENETUNREACH: 'there is no route to it: check the network',
}

/** The SnapshotError for what the SDK threw while `doing` (`take a snapshot of volume vol-1`); an error of our own comes back as it is. */
export function ebsError(error: unknown, doing: string): unknown {
  if (error instanceof SnapshotError || !(error instanceof Error)) return error
  const cause = byName[error.name] ?? answered(error) ?? unreachable(error)
  if (cause === undefined) return error
  const [problem, words] = cause
  return new SnapshotError(problem, `cannot ${doing}: ${words}`, { cause: error })
}

/** What AWS says in a code that is not in the table is passed on. */
function answered(error: Error): Cause | undefined {
  const status = '$metadata' in error ? (error.$metadata as { httpStatusCode?: number }).httpStatusCode : undefined
  if (status === undefined) return undefined
  const said = `AWS refuses it (${error.name}: ${error.message})`
  if (status >= 500) return ['busy', `${said}: try again later`]
  return [status === 401 || status === 403 ? 'denied' : 'invalid', said]
}

function unreachable(error: Error): Cause | undefined {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  const words = byCode[code]
  if (words !== undefined) return ['unreachable', words]
  // An address that is tried over IPv6 and IPv4 gives one error for each.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : undefined
  return first instanceof Error ? unreachable(first) : undefined
}

import type { Call } from './call.ts'
import { KubeError } from './error.ts'
import { TunnelError } from './tunnel-error.ts'

/** The server's certificate, or what it says about ours, and what to do about it. */
const CERTIFICATE_PROBLEMS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: "the server's certificate has expired: renew it on the cluster",
  CERT_NOT_YET_VALID: "the server's certificate is not valid yet: check the clocks of this machine and of the server",
  ERR_TLS_CERT_ALTNAME_INVALID:
    "the server's certificate is for another name: correct `server`, or set `tls-server-name` of the cluster",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: unknownAuthority(),
  UNABLE_TO_GET_ISSUER_CERT: unknownAuthority(),
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: unknownAuthority(),
  SELF_SIGNED_CERT_IN_CHAIN: unknownAuthority(),
  DEPTH_ZERO_SELF_SIGNED_CERT: unknownAuthority(),
  CERT_SIGNATURE_FAILURE: unknownAuthority(),
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: 'the server says that our client certificate has expired: renew it',
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA:
    'the server does not know the authority of our client certificate: check the user of the context',
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: 'the server refuses our client certificate: check the user of the context',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'the server wants a client certificate: check the user of the context',
}

const UNREACHABLE_PROBLEMS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there: is the cluster running, and is this its address?',
  ENOTFOUND: 'the name is not known: check `server` in the kubeconfig, or the network',
  EAI_AGAIN: 'the name cannot be looked up just now: check the network',
  EHOSTUNREACH: 'there is no route to it: check the network or VPN',
  ENETUNREACH: 'there is no route to it: check the network or VPN',
  ETIMEDOUT: 'it does not answer: check the network, VPN or firewall',
  UND_ERR_CONNECT_TIMEOUT: 'it does not answer: check the network, VPN or firewall',
  UND_ERR_HEADERS_TIMEOUT: 'it took the request and fell silent',
  UND_ERR_BODY_TIMEOUT: 'it fell silent in the middle of the answer',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS: check scheme and port of `server`',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'it does not speak TLS: check scheme and port of `server`',
}

/** Failures that another try cannot mend. */
const HOPELESS = new Set(['ENOTFOUND', 'ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_PACKET_LENGTH_TOO_LONG'])

/** The error for a call that got no answer. */
export function networkFailure(call: Call, server: string, error: unknown): KubeError {
  const detail = { object: call.object, cause: error }
  const cannot = `cannot ${call.verb} ${call.object}: cannot reach ${server}`
  if (error instanceof TunnelError) return new KubeError('unreachable', `${cannot}: ${error.message}`, detail)
  const code = codeOf(error)
  const certificate = certificateProblem(code)
  if (certificate !== undefined) return new KubeError('certificate', `cannot trust ${server}: ${certificate}`, detail)
  const words = UNREACHABLE_PROBLEMS[code] ?? `the connection failed (${messageOf(error)})`
  const doubt = call.repeatable || code in UNREACHABLE_PROBLEMS ? '' : '; the server may have done it all the same'
  return new KubeError('unreachable', `${cannot}: ${words}${doubt}`, detail)
}

/** Whether another try could succeed where this error came. */
export function isPassing(error: unknown): boolean {
  if (error instanceof TunnelError) return error.passing
  const code = codeOf(error)
  return certificateProblem(code) === undefined && !HOPELESS.has(code)
}

/** The first `code` along the chain of causes, empty when there is none. */
export function codeOf(error: unknown): string {
  for (let link = error; link instanceof Error; link = link.cause) {
    const { code } = link as NodeJS.ErrnoException
    if (typeof code === 'string') return code
  }
  return ''
}

function certificateProblem(code: string): string | undefined {
  if (code in CERTIFICATE_PROBLEMS) return CERTIFICATE_PROBLEMS[code]
  return code.startsWith('ERR_SSL_') && code.includes('CERTIFICATE')
    ? `TLS alert ${code}: check the certificates`
    : undefined
}

function unknownAuthority(): string {
  return "the authority of its certificate is not known here: set `certificate-authority` of the cluster to the cluster's CA"
}

function messageOf(error: unknown): string {
  return error instanceof Error && error.message !== '' ? error.message : codeOf(error) || String(error)
}

import { basename } from 'node:path'
import type { ExecPlugin, Pem, UserConfig } from './cluster-config.ts'
import { KubeConfigError } from './cluster-config.ts'
import type { Entry, Fields } from './kubeconfig-file.ts'
import { isFields, pathIn, resolvePath, textIn, textOf } from './kubeconfig-file.ts'

/** The extension of a cluster that is meant for the plugin. */
const EXEC_EXTENSION = 'client.authentication.k8s.io/exec'
const API_VERSIONS = ['client.authentication.k8s.io/v1', 'client.authentication.k8s.io/v1beta1'] as const
const INTERACTIVE_MODES = ['Never', 'IfAvailable', 'Always'] as const

interface Surroundings {
  readonly cluster: Entry
  readonly server: string
  readonly env: Readonly<Record<string, string | undefined>>
}

/** The credentials of one user of a kubeconfig. Throws KubeConfigError. */
export function userConfigOf(user: Entry, surroundings: Surroundings): UserConfig {
  refuseOldMethods(user)
  const cert = pemIn(user, 'client-certificate')
  const key = pemIn(user, 'client-key')
  if ((cert === undefined) !== (key === undefined)) {
    throw new KubeConfigError(
      'malformed',
      `a user in ${user.file} has only one of client-certificate and client-key: set both`,
    )
  }
  return {
    certificate: cert === undefined || key === undefined ? undefined : { cert, key },
    token: textIn(user, 'token'),
    tokenFile: pathIn(user, 'tokenFile'),
    exec: execIn(user, surroundings),
    headers: impersonation(user),
  }
}

/** `<field>-data` (base64) if it is there, else the file in `<field>`. */
export function pemIn(entry: Entry, field: string): Pem | undefined {
  const encoded = textIn(entry, `${field}-data`)
  if (encoded === undefined) {
    const file = pathIn(entry, field)
    return file === undefined ? undefined : { file }
  }
  const data = Buffer.from(encoded, 'base64').toString('utf8')
  if (data.includes('-----BEGIN ')) return { data }
  throw new KubeConfigError('malformed', `${field}-data in ${entry.file} is not base64 of a PEM text`)
}

function refuseOldMethods(user: Entry): void {
  const { fields, file } = user
  if (fields['auth-provider'] !== undefined) {
    throw new KubeConfigError(
      'unsupported',
      `a user in ${file} has an auth-provider, which Kubernetes gave up in 1.26: use an exec credential plugin`,
    )
  }
  if (fields['username'] !== undefined && fields['token'] === undefined && fields['exec'] === undefined) {
    throw new KubeConfigError(
      'unsupported',
      `a user in ${file} has a password, which Kubernetes gave up in 1.19: use a token or a certificate`,
    )
  }
}

function impersonation({ fields }: Entry): Record<string, string[]> | undefined {
  const headers: Record<string, string[]> = {}
  const set = (header: string, value: unknown): void => {
    const values = (Array.isArray(value) ? value : [value]).map(textOf).filter((text) => text !== undefined)
    if (values.length > 0) headers[header] = values
  }
  set('impersonate-user', fields['as'])
  set('impersonate-uid', fields['as-uid'])
  set('impersonate-group', fields['as-groups'])
  const extra = fields['as-user-extra']
  if (isFields(extra))
    for (const [key, value] of Object.entries(extra)) set(`impersonate-extra-${encodeURIComponent(key)}`, value)
  return Object.keys(headers).length === 0 ? undefined : headers
}

function execIn(user: Entry, surroundings: Surroundings): ExecPlugin | undefined {
  const exec = user.fields['exec']
  if (exec === undefined || exec === null) return undefined
  const command = isFields(exec) ? textOf(exec['command']) : undefined
  if (!isFields(exec) || command === undefined)
    throw new KubeConfigError('malformed', `exec of a user in ${user.file} has no command`)
  return {
    apiVersion: oneOf(API_VERSIONS, { value: exec['apiVersion'], field: 'exec.apiVersion', file: user.file }),
    // A bare name is looked up in PATH; a path belongs to the file it is written in.
    command: command === basename(command) ? command : resolvePath(command, user.file),
    args: listIn(exec, 'args').map((arg) => textOf(arg) ?? ''),
    env: { ...surroundings.env, ...variablesIn(exec) },
    installHint: textOf(exec['installHint']),
    interactiveMode: oneOf(INTERACTIVE_MODES, {
      value: exec['interactiveMode'] ?? 'IfAvailable',
      field: 'exec.interactiveMode',
      file: user.file,
    }),
    cluster: exec['provideClusterInfo'] === true ? clusterInfo(surroundings) : undefined,
  }
}

function oneOf<T extends string>(
  allowed: readonly T[],
  { value, field, file }: { value: unknown; field: string; file: string },
): T {
  const found = allowed.find((one) => one === value)
  if (found !== undefined) return found
  throw new KubeConfigError(
    'unsupported',
    `${field} ${textOf(value) ?? '(not set)'} in ${file}: possible are ${allowed.join(', ')}`,
  )
}

function variablesIn(exec: Fields): Record<string, string> {
  const pairs = listIn(exec, 'env').filter(isFields)
  return Object.fromEntries(pairs.map((pair) => [textOf(pair['name']) ?? '', textOf(pair['value']) ?? '']))
}

function listIn(fields: Fields, field: string): readonly unknown[] {
  const value = fields[field]
  return Array.isArray(value) ? value : []
}

/** `spec.cluster` of ExecCredential, but for a CA that lies in a file. */
function clusterInfo({ cluster, server }: Surroundings): Record<string, unknown> {
  const { fields } = cluster
  const info: Record<string, unknown> = { server }
  for (const field of [
    'tls-server-name',
    'insecure-skip-tls-verify',
    'certificate-authority-data',
    'proxy-url',
    'disable-compression',
  ]) {
    if (fields[field] !== undefined) info[field] = fields[field]
  }
  const extension = listIn(fields, 'extensions')
    .filter(isFields)
    .find(({ name }) => name === EXEC_EXTENSION)
  info['config'] = extension?.['extension'] ?? null
  return info
}

import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { BackupStorageLocations, type BackupStorageLocation } from '#api/backup-storage-location.ts'
import type { KubeClient } from '#kube/client.ts'
import type { CliContext } from '../context.ts'
import { USAGE, UserError } from '../exit.ts'
import { map } from '../flag.ts'

/** `--credential secret-name=key`. */
export const credentialFlag = map('Secret with the credentials: secret-name=key')

/** The one Secret key of `--credential`; undefined when it was not given. Throws UserError for several. */
export function credentialOf(given: Record<string, string> | undefined): { name: string; key: string } | undefined {
  const pairs = Object.entries(given ?? {})
  if (pairs.length > 1) throw new UserError('--credential takes one SECRET=KEY', { exitCode: USAGE })
  const [pair] = pairs
  return pair === undefined ? undefined : { name: pair[0], key: pair[1] }
}

/** The content of the file that `--cacert` names, as Kubernetes keeps bytes: in base64. */
export async function caCertOf(path: string, context: CliContext): Promise<string> {
  const bytes = await readFile(resolve(context.cwd, path)).catch((error: Error) => {
    throw new UserError(`cannot read --cacert: ${error.message}`, { cause: error })
  })
  return bytes.toString('base64')
}

/** Rejects with UserError when another location than `name` is the default one. */
export async function refuseSecondDefault(
  kube: KubeClient,
  { name, namespace }: { name: string; namespace: string },
): Promise<void> {
  const { items } = await kube.list(BackupStorageLocations, { namespace })
  const other = items.find(({ metadata, spec }) => spec.default === true && metadata.name !== name)
  if (other === undefined) return
  throw new UserError(
    `"${other.metadata.name}" is the default location already; take that away from it before you give it to another: ` +
      `lifeboat backup-location set ${other.metadata.name} --default=false`,
  )
}

/** `--access-mode` of a location; absent means that it may be written. */
export const accessModes = ['ReadWrite', 'ReadOnly'] as const satisfies readonly NonNullable<
  BackupStorageLocation['spec']['accessMode']
>[]

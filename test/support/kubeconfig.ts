import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'

/** What tests change in a kubeconfig of one cluster and one user. */
export interface PlainKubeConfig {
  clusters: [{ cluster: Record<string, string> }]
  users: [{ user: Record<string, string> }]
}

/** Writes a changed copy of the kubeconfig at `path` into `folder`; resolves to the copy's path. */
export async function changedKubeconfig(
  path: string,
  folder: string,
  change: (config: PlainKubeConfig) => void,
): Promise<string> {
  const config = parse(await readFile(path, 'utf8')) as PlainKubeConfig
  change(config)
  const copy = join(folder, `kubeconfig-${randomBytes(4).toString('hex')}`)
  await writeFile(copy, stringify(config), { mode: 0o600 })
  return copy
}

import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** What Velero's client keeps in its configuration file (spec/cli.md §1.2): texts by key, such as `namespace`, `features`, `cacert`, `colorized`; of ours `download-via`. */
export type ClientConfig = Readonly<Record<string, string>>

/** Where Velero's client keeps its configuration, so that ours finds the same. */
export function clientConfigPath(home: string): string {
  return join(home, '.config', 'velero', 'config.json')
}

/** The configuration; empty without a file. Rejects when the file cannot be read or is no map of texts. */
export async function readClientConfig(home: string): Promise<ClientConfig> {
  const path = clientConfigPath(home)
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined
    throw error
  })
  if (text === undefined) return {}
  const config: unknown = JSON.parse(text)
  if (typeof config !== 'object' || config === null || Array.isArray(config)) throw new Error(`${path} holds no map`)
  const texts = Object.entries(config).filter((entry): entry is [string, string] => typeof entry[1] === 'string')
  return Object.fromEntries(texts)
}

/** Writes the whole configuration. It may name things that others need not know: only the user can read it. */
export async function writeClientConfig(home: string, config: ClientConfig): Promise<void> {
  const path = clientConfigPath(home)
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  await writeFile(path, `${JSON.stringify(config)}\n`, { mode: 0o600 })
}

/** The features that are on: those of the command line and of the configuration together (spec/cli.md §1.1). */
export function featuresOf(config: ClientConfig, given: readonly string[] | undefined): ReadonlySet<string> {
  const named = [...(config['features']?.split(',') ?? []), ...(given ?? [])]
  return new Set(named.map((name) => name.trim()).filter((name) => name !== ''))
}

import { readFile, writeFile } from 'node:fs/promises'

/** PEM files of one user of a cluster. */
export interface ClientFiles {
  cert: string
  key: string
}

/** Writes a kubeconfig with everything inside (no paths), readable by the user alone. */
export async function writeKubeconfig(
  path: string,
  { name, server, authorityFile, client }: { name: string; server: string; authorityFile: string; client: ClientFiles },
): Promise<void> {
  const [authority, cert, key] = await Promise.all(
    [authorityFile, client.cert, client.key].map((file) => readFile(file, 'base64')),
  )
  // JSON is YAML; every reader of kubeconfigs takes it.
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server, 'certificate-authority-data': authority } }],
    users: [{ name, user: { 'client-certificate-data': cert, 'client-key-data': key } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  }
  await writeFile(path, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 })
}

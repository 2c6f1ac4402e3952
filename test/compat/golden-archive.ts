import { createReadStream } from 'node:fs'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openArchive } from '#archive/open.ts'
import { refKey } from '#items/item-ref.ts'
import type { Item, ServedType } from '#kube/object.ts'

const scenarios = join(import.meta.dirname, 'golden', 'scenarios')

/** `resource/namespace/name` → object, for each object in the archive that Velero made in a scenario. */
export type Contents = ReadonlyMap<string, Item>

/** Reads the archive of the one backup of a scenario. */
export async function goldenContents(scenario: string): Promise<Contents> {
  const spoolDir = await mkdtemp(join(tmpdir(), 'lifeboat-golden-'))
  try {
    const folder = join(scenarios, scenario, 'bucket', 'backups')
    const [backup = ''] = await readdir(folder)
    const file = join(folder, backup, `${backup}.tar.gz`)
    await using archive = await openArchive(createReadStream(file), { spoolDir, parse: JSON.parse })
    const contents = new Map<string, Item>()
    for (const { resource, namespace, name, ...entry } of archive.entries()) {
      const object = await archive.read({ resource, namespace, name, ...entry })
      const [plural = '', ...group] = resource.split('.')
      const version = object.apiVersion.split('/').at(-1) ?? ''
      const type = { group: group.join('.'), version, plural, kind: object.kind, namespaced: namespace !== undefined }
      contents.set(refKey({ resource, namespace, name }), { type, namespace, name, object })
    }
    return contents
  } finally {
    await rm(spoolDir, { recursive: true })
  }
}

/** A recorded JSON file of a scenario. */
export async function goldenJson(scenario: string, file: string): Promise<unknown> {
  return JSON.parse(await readFile(join(scenarios, scenario, file), 'utf8'))
}

/** A recorded artifact of the restore of a scenario. */
export async function goldenArtifact(scenario: string, artifact: string): Promise<Uint8Array> {
  return readFile(join(scenarios, scenario, 'bucket', 'restores', `${scenario}-r`, artifact))
}

const shortNames: Readonly<Record<string, readonly string[]>> = {
  configmaps: ['cm'],
  services: ['svc'],
  horizontalpodautoscalers: ['hpa'],
  statefulsets: ['sts'],
}

/** The types of all objects, as the API server of the scenarios served them. */
export function servedTypes(all: Iterable<Item>): ServedType[] {
  const types = new Map<string, ServedType>()
  for (const { type } of all) {
    const singular = type.kind.toLowerCase()
    const served = { singular, shortNames: shortNames[type.plural] ?? [], verbs: ['create', 'delete', 'get', 'list'] }
    types.set(`${type.plural}.${type.group}`, { ...type, ...served, preferred: true })
  }
  return [...types.values()]
}

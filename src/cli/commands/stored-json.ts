import { decodeJsonGz } from '#archive/json-gz.ts'
import { openManifest, type ManifestTrailer } from '#archive/manifest.ts'

/** Decodes a gzip'd JSON artifact; undefined when it is not there. */
export async function readJson<T>(artifact: Promise<AsyncIterable<Uint8Array> | undefined>): Promise<T | undefined> {
  const bytes = await artifact
  return bytes === undefined ? undefined : ((await decodeJsonGz(bytes, { name: 'the artifact' })) as T)
}

/** The end of a manifest: the cut and the counts; undefined for a backup without one, such as Velero's. */
export async function readTrailer(
  artifact: Promise<AsyncIterable<Uint8Array> | undefined>,
): Promise<ManifestTrailer | undefined> {
  const bytes = await artifact
  return bytes === undefined ? undefined : await (await openManifest(bytes)).trailer()
}

import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** An image: a name that pods ask for, and what its containers run unless they say otherwise. */
export interface Image {
  /** In full, such as `docker.io/library/busybox:1.36`. */
  name: string
  entrypoint?: readonly string[]
  command?: readonly string[]
  env?: Readonly<Record<string, string>>
  /** `uid:gid` */
  user?: string
  workingDirectory?: string
}

/**
 * Writes `images`, which all have the files below `rootfs` as their only layer, into one file at `path`: a tar of an OCI image layout, as
 * `ctr images import` takes it. The files belong to root in it, and the same files make the same layer.
 */
export async function writeImages(
  path: string,
  { rootfs, images }: { rootfs: string; images: readonly Image[] },
): Promise<void> {
  const scratch = await mkdtemp(join(dirname(path), 'image-'))
  try {
    const blobs = join(scratch, 'layout', 'blobs', 'sha256')
    await mkdir(blobs, { recursive: true })
    const layer = await addLayer(blobs, { rootfs, draft: join(scratch, 'layer.tar') })
    const manifests = []
    for (const image of images) manifests.push(await addImage(blobs, { image, layer }))
    await writeFile(join(scratch, 'layout', 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }))
    await writeFile(join(scratch, 'layout', 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }))
    await tar(join(scratch, 'layout'), path)
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

interface Descriptor {
  mediaType: string
  digest: string
  size: number
}

async function addLayer(blobs: string, { rootfs, draft }: { rootfs: string; draft: string }): Promise<Descriptor> {
  await tar(rootfs, draft)
  const hash = createHash('sha256')
  let size = 0
  await pipeline(createReadStream(draft), async (chunks) => {
    for await (const chunk of chunks as AsyncIterable<Buffer>) {
      hash.update(chunk)
      size += chunk.length
    }
  })
  const hex = hash.digest('hex')
  await rename(draft, join(blobs, hex))
  return { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: `sha256:${hex}`, size }
}

async function addImage(blobs: string, { image, layer }: { image: Image; layer: Descriptor }): Promise<object> {
  const config = await addJson(blobs, 'application/vnd.oci.image.config.v1+json', {
    architecture: architecture(),
    os: 'linux',
    config: {
      Entrypoint: image.entrypoint,
      Cmd: image.command,
      Env: Object.entries(image.env ?? {}).map(([name, value]) => `${name}=${value}`),
      User: image.user,
      WorkingDir: image.workingDirectory,
    },
    rootfs: { type: 'layers', diff_ids: [layer.digest] },
  })
  const mediaType = 'application/vnd.oci.image.manifest.v1+json'
  const manifest = await addJson(blobs, mediaType, { schemaVersion: 2, mediaType, config, layers: [layer] })
  return { ...manifest, annotations: { 'io.containerd.image.name': image.name } }
}

async function addJson(blobs: string, mediaType: string, value: object): Promise<Descriptor> {
  const text = JSON.stringify(value)
  const hex = createHash('sha256').update(text).digest('hex')
  await writeFile(join(blobs, hex), text)
  return { mediaType, digest: `sha256:${hex}`, size: Buffer.byteLength(text) }
}

function architecture(): string {
  return process.arch === 'x64' ? 'amd64' : process.arch
}

async function tar(directory: string, path: string): Promise<void> {
  const same = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner']
  await run('tar', [...same, '--create', '--file', path, '--directory', directory, '.'])
}

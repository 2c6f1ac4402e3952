import { BackupStorageLocations, type BackupStorageLocation } from '#api/backup-storage-location.ts'
import type { KubeClient } from '#kube/client.ts'
import { Secrets, make } from './objects.ts'
import type { S3Server } from './s3-server.ts'
import { makeLocation } from './server.ts'

/** Puts the keys of an S3 server into a Secret, under `cloud`. */
export async function makeKeys(kube: KubeClient, namespace: string, s3: S3Server, name = 'keys'): Promise<void> {
  const { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret } = s3.env
  const cloud = `[default]\naws_access_key_id=${id}\naws_secret_access_key=${secret}\n`
  await make(kube, Secrets, { name, namespace, stringData: { cloud } })
}

/** Asks for a place in the bucket of an S3 server as location, with the keys that `makeKeys` made. */
export async function makeS3Location(
  kube: KubeClient,
  namespace: string,
  { s3, endpoint = s3.endpoint, prefix, name = 'default', spec = {} }: S3Place,
): Promise<BackupStorageLocation> {
  const bucket = {
    provider: 'velero.io/aws',
    objectStorage: { bucket: s3.bucket, ...(prefix === undefined ? {} : { prefix }) },
    config: { region: s3.region, s3Url: endpoint, s3ForcePathStyle: 'true' },
    credential: { name: 'keys', key: 'cloud' },
  }
  return await makeLocation(kube, namespace, { name, path: '', spec: { ...bucket, ...spec } })
}

export interface S3Place {
  s3: S3Server
  /** Where the server is reached; its own endpoint unless something lies between. */
  endpoint?: string
  prefix?: string
  /** Of the location; default `default`. */
  name?: string
  spec?: object
}

/** What the location says once it has said it: waits until its phase, and its message if one is asked for, is so. */
export async function locationSays(
  kube: KubeClient,
  namespace: string,
  wanted: { name?: string; phase: 'Available' | 'Unavailable'; message?: RegExp },
): Promise<string> {
  const { name = 'default', phase, message = /(?:)/ } = wanted
  const deadline = performance.now() + 60_000
  for (;;) {
    const { status } = await kube.get(BackupStorageLocations, name, { namespace })
    const said = status?.message ?? ''
    if (status?.phase === phase && message.test(said)) return said
    if (performance.now() > deadline) throw new Error(`location ${name} is ${status?.phase ?? 'unchecked'}: ${said}`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

import assert from 'node:assert/strict'
import { glob, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { openStore } from '#store/open.ts'
import { cli, scratchFolder } from '../support/cli.ts'
import { ownCluster } from '../support/cluster.ts'
import { followGuide } from '../support/guide.ts'
import { ConfigMaps, Deployments, make, Namespaces } from '../support/objects.ts'
import { s3Server, type S3Server } from '../support/s3-server.ts'
import { runServerPods } from '../support/server-pods.ts'
import { installVelero } from '../support/velero-install.ts'
import { veleroClient } from '../support/velero.ts'

const scenarios = fileURLToPath(new URL('../compat/golden/scenarios', import.meta.url))

/** Puts a backup that real Velero made (test/compat/golden) into the bucket. */
async function putRecordedBackup(s3: S3Server, { name, prefix }: { name: string; prefix: string }): Promise<void> {
  const bucket = join(scenarios, name, 'bucket')
  const store = await openStore(s3.url.replace('/prefix?', `/${prefix}?`), { env: s3.env })
  for await (const path of glob(`backups/${name}/*`, { cwd: bucket }))
    await store.put(path, await readFile(join(bucket, path)))
  await store.close()
}

test("docs/from-velero.md, on what Velero's client installs and a backup that Velero made: look, beside, over, back", async () => {
  await using cluster = await ownCluster()
  await using folder = await scratchFolder()
  await using s3 = await s3Server('versitygw')
  const { kube, kubeconfigPath } = cluster
  const cwd = folder.path
  const [name, prefix, app] = ['a03-one-namespace', 'velero', 'harbor'] as const
  await putRecordedBackup(s3, { name, prefix })
  const { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret } = s3.env
  await writeFile(join(cwd, 'credentials'), `[default]\naws_access_key_id=${id}\naws_secret_access_key=${secret}\n`)
  const velero = await veleroClient({ kubeconfigPath, directory: cwd })
  const asked = [
    ['--provider', 'aws', '--bucket', s3.bucket, '--prefix', prefix, '--secret-file', 'credentials'],
    ['--backup-location-config', `region=${s3.region},s3Url=${s3.endpoint},s3ForcePathStyle=true`],
    ['--plugins', 'velero/velero-plugin-for-aws:v1.14.0'],
  ]
  await installVelero(kube, velero, asked.flat())
  await make(kube, Namespaces, { name: app })
  await make(kube, ConfigMaps, { name: 'prices', namespace: app, data: { apple: '1' } })
  // The reader's buckets are at AWS, which the guide need not say.
  const atStore = { AWS_ENDPOINT_URL_S3: s3.endpoint }
  await using _pods = runServerPods({ kube, kubeconfigPath, folder: cwd, env: atStore })
  const before = await kube.get(Deployments, 'velero', { namespace: 'velero' })

  const readers = {
    BUCKET: s3.bucket,
    PREFIX: prefix,
    REGION: s3.region,
    BACKUP: name,
    APP: app,
    IMAGE: 'lifeboat:test',
  }
  const env = { KUBECONFIG: kubeconfigPath, ...s3.env, ...atStore, ...readers }
  const said = await followGuide('from-velero', { cwd, env })
  assert.match(said, new RegExp(`^${name} +Completed`, 'm'))
  assert.match(said, /^Deployment velero\/velero runs Lifeboat/m)
  assert.match(said, /velero\/velero:v1\.18\.1$/m)
  const { spec } = await kube.get(Deployments, 'velero', { namespace: 'velero' })
  assert.deepEqual(spec, before['spec'])
  assert.match(await velero('backup', 'get'), /after +Completed/)
  const { code, stderr } = await cli(['uninstall', '--give-back'], { env })
  assert.equal(code, 1, stderr)
})

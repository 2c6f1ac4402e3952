import assert from 'node:assert/strict'
import { test } from 'node:test'
import { scratchFolder } from '../support/cli.ts'
import { ownCluster } from '../support/cluster.ts'
import { followGuide } from '../support/guide.ts'
import { ConfigMaps, Namespaces } from '../support/objects.ts'
import { s3Server } from '../support/s3-server.ts'
import { runServerPods } from '../support/server-pods.ts'

test('docs/kind.md, from an empty cluster to a namespace that is back', async () => {
  await using cluster = await ownCluster()
  await using folder = await scratchFolder()
  await using s3 = await s3Server('versitygw')
  const { kube, kubeconfigPath } = cluster
  await using _pods = runServerPods({ kube, kubeconfigPath, folder: folder.path })
  const { AWS_ACCESS_KEY_ID: ACCESS_KEY, AWS_SECRET_ACCESS_KEY: SECRET_KEY } = s3.env
  const env = { KUBECONFIG: kubeconfigPath, BUCKET: s3.bucket, STORE_URL: s3.endpoint, ACCESS_KEY, SECRET_KEY }
  const said = await followGuide('kind', { cwd: folder.path, env })
  assert.match(said, /^Restore back: Completed/m)
  const { data } = (await kube.get(ConfigMaps, 'prices', { namespace: 'shop' })) as unknown as { data: object }
  assert.deepEqual(data, { apple: '1', pear: '2' })
  assert.equal(await kube.find(Namespaces, 'velero'), undefined)
})

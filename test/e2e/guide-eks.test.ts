import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { parse } from 'yaml'
import { scratchFolder } from '../support/cli.ts'
import { ownCluster, type TestCluster } from '../support/cluster.ts'
import { followGuide, guideBlocks } from '../support/guide.ts'
import { limitedUser, type IamPolicy } from '../support/limited-user.ts'
import { ConfigMaps, make, Namespaces } from '../support/objects.ts'
import { s3Server } from '../support/s3-server.ts'
import { runServerPods } from '../support/server-pods.ts'

test('docs/eks.md, with a second cluster, and with the rights of its policy and no others', async () => {
  await using s3 = await s3Server('versitygw')
  await using here = await ownCluster()
  await using there = await ownCluster()
  await using folder = await scratchFolder()
  const [policy] = await guideBlocks('eks', 'policy')
  const role = await limitedUser(s3, JSON.parse(policy?.text ?? '') as IamPolicy)
  await make(here.kube, Namespaces, { name: 'shop' })
  await make(here.kube, ConfigMaps, { name: 'prices', namespace: 'shop', data: { apple: '1' } })
  // The account's role, and the bucket at AWS.
  const given = { ...role, AWS_ENDPOINT_URL_S3: s3.endpoint }
  const podsOf = ({ kube, kubeconfigPath }: TestCluster): AsyncDisposable =>
    runServerPods({ kube, kubeconfigPath, folder: folder.path, env: given })
  await using _here = podsOf(here)
  await using _there = podsOf(there)
  const readers = {
    CLUSTER: 'prod',
    REGION: s3.region,
    BUCKET: s3.bucket,
    ACCOUNT: '123456789012',
    IMAGE: 'lifeboat:test',
  }
  const KUBECONFIG = `${here.kubeconfigPath}:${there.kubeconfigPath}`
  const env = { ...given, ...readers, KUBECONFIG, NEW: await contextOf(there) }
  await followGuide('eks', { cwd: folder.path, env })
  for (const [{ kube }, namespace] of [
    [here, 'shop'],
    [there, 'shop'],
    [there, 'shop-moved'],
  ] as const) {
    const { data } = (await kube.get(ConfigMaps, 'prices', { namespace })) as unknown as { data: object }
    assert.deepEqual(data, { apple: '1' })
  }
})

async function contextOf({ kubeconfigPath }: TestCluster): Promise<string> {
  const config = parse(await readFile(kubeconfigPath, 'utf8')) as { 'current-context': string }
  return config['current-context']
}

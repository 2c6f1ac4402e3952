// The server as a pod: the image that deploy/Dockerfile describes, put on a node by `lifeboat install`, on a cluster of its own.
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { Backups } from '#api/backup.ts'
import { cli, scratchFolder, type CliResult } from '../support/cli.ts'
import { connectTo, testNamespace } from '../support/cluster.ts'
import { startNodeSandbox } from '../support/node-sandbox.ts'
import { ConfigMaps, Deployments, make, Pods } from '../support/objects.ts'
import { s3Server } from '../support/s3-server.ts'
import { writeServerImage } from '../support/server-image.ts'

suite('the server’s image on a node', async () => {
  test('install makes it available, not as root; a backup that it makes in a bucket is Completed and comes back', async () => {
    await using sandbox = await startNodeSandbox()
    await using folder = await scratchFolder()
    const image = join(folder.path, 'image.tar')
    await writeServerImage(image, 'docker.io/library/lifeboat:test')
    await sandbox.node.importImage(image)
    await using s3 = await s3Server('versitygw', { host: sandbox.node.gateway })
    const credentials = join(folder.path, 'credentials')
    const { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret } = s3.env
    await writeFile(credentials, `[default]\naws_access_key_id=${id}\naws_secret_access_key=${secret}\n`)
    const run = async (...args: string[]): Promise<CliResult> => {
      const result = await cli(args, { env: { KUBECONFIG: sandbox.kubeconfigPath } })
      assert.equal(result.code, 0, `${args.join(' ')}: ${result.stdout}${result.stderr}`)
      return result
    }
    const config = `region=${s3.region},s3ForcePathStyle=true,s3Url=${s3.endpoint}`
    const location = ['--provider', 'aws', '--bucket', s3.bucket, '--backup-location-config', config]
    await run('install', '--image', 'lifeboat:test', ...location, '--secret-file', credentials, '--wait')
    const kube = await connectTo(sandbox.kubeconfigPath)
    const inVelero = { namespace: 'velero' }
    const deployment = (await kube.get(Deployments, 'velero', inVelero)) as { status?: { availableReplicas?: number } }
    assert.equal(deployment.status?.availableReplicas, 1)
    const pods = (await kube.list(Pods, inVelero)).items as { status?: { containerStatuses?: { imageID: string }[] } }[]
    assert.match(pods[0]?.status?.containerStatuses?.[0]?.imageID ?? '', /sha256:/)
    {
      await using namespace = await testNamespace(kube)
      await make(kube, ConfigMaps, { name: 'kept', namespace: namespace.name, data: { word: 'lifeboat' } })
      await run('backup', 'create', 'first', '--include-namespaces', namespace.name, '--wait')
      assert.equal((await kube.get(Backups, 'first', inVelero)).status?.phase, 'Completed')
      await kube.delete(ConfigMaps, 'kept', { namespace: namespace.name })
      await run('restore', 'create', 'back', '--from-backup', 'first', '--wait')
      const kept = (await kube.get(ConfigMaps, 'kept', { namespace: namespace.name })) as { data?: object }
      assert.deepEqual(kept.data, { word: 'lifeboat' })
      // The Service that was installed leads to the pod.
      const way = ['--download-via', 'api-server']
      assert.match((await run('backup', 'logs', 'first', ...way)).stdout, /level=info/)
      assert.match((await run('restore', 'describe', 'back', '--details', ...way)).stdout, /v1\/ConfigMap/)
    }
    await kube.close()
  })
})

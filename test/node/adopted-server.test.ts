// Our image in the pod that Velero's installer describes: its account, its Secret, its scratch folder, no security settings of ours.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { Backups } from '#api/backup.ts'
import { cli, scratchFolder } from '../support/cli.ts'
import { nodeSandbox } from '../support/node-sandbox.ts'
import { ClusterRoleBindings, Deployments, Namespaces } from '../support/objects.ts'
import { s3Server } from '../support/s3-server.ts'
import { installKinds } from '../support/server.ts'
import { writeServerImage } from '../support/server-image.ts'
import { installVelero } from '../support/velero-install.ts'
import { veleroClient } from '../support/velero.ts'

suite('an adopted Deployment on a node', async () => {
  const cluster = await nodeSandbox()
  const { kube, kubeconfigPath, node } = cluster

  test('install --adopt makes it available, and it makes a backup in Velero’s location; given back, it is Velero’s again', async () => {
    const namespace = `adopted-${randomBytes(4).toString('hex')}`
    await using folder = await scratchFolder()
    await using s3 = await s3Server('versitygw', { host: node.gateway })
    const image = join(folder.path, 'image.tar')
    await writeServerImage(image, 'docker.io/library/lifeboat:adopted')
    await node.importImage(image)
    await installKinds(kube)
    const { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret } = s3.env
    const credentials = join(folder.path, 'credentials')
    await writeFile(credentials, `[default]\naws_access_key_id=${id}\naws_secret_access_key=${secret}\n`)
    const velero = await veleroClient({ kubeconfigPath, directory: join(folder.path, 'velero') })
    const asked = [
      ['--namespace', namespace, '--provider', 'aws', '--bucket', s3.bucket, '--secret-file', credentials],
      ['--backup-location-config', `region=${s3.region},s3Url=${s3.endpoint},s3ForcePathStyle=true`],
      ['--plugins', 'velero/velero-plugin-for-aws:v1.14.0'],
    ]
    await installVelero(kube, velero, asked.flat())
    await using _gone = {
      [Symbol.asyncDispose]: async () => {
        await kube.delete(Namespaces, namespace)
        await kube.delete(ClusterRoleBindings, `velero-${namespace}`)
      },
    }
    const said = async (...args: string[]): Promise<string> => {
      const { code, stdout, stderr } = await cli([...args, '--namespace', namespace], {
        env: { KUBECONFIG: kubeconfigPath },
      })
      assert.equal(code, 0, `${args.join(' ')}: ${stdout}${stderr}`)
      return stdout
    }
    const before = await kube.get(Deployments, 'velero', { namespace })

    await said('install', '--adopt', '--image', 'lifeboat:adopted', '--wait')
    const adopted = (await kube.get(Deployments, 'velero', { namespace })) as {
      status?: { availableReplicas?: number }
    }
    assert.equal(adopted.status?.availableReplicas, 1)
    await said('backup', 'create', 'first', '--include-namespaces', namespace, '--wait')
    assert.equal((await kube.get(Backups, 'first', { namespace })).status?.phase, 'Completed')
    assert.match(await said('backup', 'logs', 'first', '--download-via', 'api-server'), /level=info/)
    assert.match(await said('version'), /^Server: +\d/m)
    await said('uninstall', '--give-back')
    assert.deepEqual((await kube.get(Deployments, 'velero', { namespace }))['spec'], before['spec'])
  })
})

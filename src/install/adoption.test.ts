import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { KubeObject } from '#kube/object.ts'
import { adoption, givenBack, recordAnnotation, type Adoption } from './adoption.ts'
import { isAwsPlugin, serverWords } from './server-words.ts'

const flags = { effective: new Set(['features', 'log-level', 'namespace', 'n']), idle: new Set(['uploader-type']) }

/** Velero's Deployment, as far as an adoption looks into it, and a little of everything else. */
const deployments = fc
  .record({
    replicas: fc.option(fc.nat(3), { nil: undefined }),
    args: fc.array(fc.constantFrom('--features=', '--uploader-type=kopia', '--log-level=debug', '--keep-latest=3')),
    command: fc.constantFrom(undefined, ['/velero']),
    env: fc.array(fc.record({ name: fc.string(), value: fc.string() })),
    plugins: fc.subarray(['velero/velero-plugin-for-aws:v1', 'example.com/other:v2']),
    others: fc.subarray(['istio-init']),
    annotations: fc.option(fc.dictionary(fc.string(), fc.string()), { nil: undefined }),
    tolerations: fc.array(fc.record({ key: fc.string() })),
    strategy: fc.constantFrom(undefined, { type: 'Recreate' }),
  })
  .map(({ replicas, args, command, env, plugins, others, annotations, tolerations, strategy }): KubeObject => {
    const mounts = [{ name: 'plugins', mountPath: '/plugins' }]
    const velero = {
      name: 'velero',
      image: 'velero/velero:v1',
      command,
      args: ['server', ...args],
      env,
      volumeMounts: mounts,
    }
    const initContainers = [
      ...others.map((name) => ({ name, image: name })),
      ...plugins.map((image, at) => ({
        name: `p${at}`,
        image,
        volumeMounts: [{ name: 'plugins', mountPath: '/target' }],
      })),
    ]
    const withVelero = command === undefined ? { ...velero, args: velero.args } : velero
    const pod = { containers: [withVelero, { name: 'sidecar', image: 's' }], initContainers, tolerations }
    return {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'velero', namespace: 'velero', ...(annotations && { annotations: plain(annotations) }) },
      spec: plain({ replicas, strategy, template: { metadata: { labels: { deploy: 'velero' } }, spec: pod } }),
    }
  })

/** As the API server gives it: what is undefined is not there. */
function plain<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T
}

const adopted = (deployment: KubeObject, image = 'lifeboat:1'): Exclude<Adoption, { how: 'refuse' }> => {
  const plan = adoption(deployment, { image, flags })
  if (plan.how === 'refuse') assert.fail(plan.reason)
  return plan
}

interface Spec {
  replicas?: number
  template: { spec: { containers: Record<string, unknown>[]; initContainers?: { name: string }[] } }
}

test('whatever the Deployment is like: all but the container and the plug-ins stays, and going back gives what was', () => {
  fc.assert(
    fc.property(deployments, (before) => {
      const { deployment: after } = adopted(before)
      const [was, is] = [before['spec'] as Spec, after['spec'] as Spec]
      const [velero, sidecar] = was.template.spec.containers
      const [ours, ...others] = is.template.spec.containers
      assert.deepEqual(others, [sidecar])
      const { name: _n, image: _i, command: _c, args: _a, ...kept } = velero ?? {}
      assert.deepEqual(ours, {
        ...kept,
        name: 'lifeboat',
        image: 'lifeboat:1',
        imagePullPolicy: 'IfNotPresent',
        args: ours?.['args'],
      })
      assert.ok(!JSON.stringify(ours?.['args']).includes('--keep-latest'))
      const left = (was.template.spec.initContainers ?? []).filter(({ name }) => name === 'istio-init')
      assert.deepEqual(is.template.spec.initContainers ?? [], left)
      const rest = ({ template, ...spec }: Spec): object => ({
        ...spec,
        pod: { ...template.spec, containers: 0, initContainers: 0 },
      })
      assert.deepEqual(rest(is), rest(was))

      const back = givenBack(after) ?? assert.fail()
      assert.deepEqual(back['spec'], before['spec'])
      assert.deepEqual(back.metadata.annotations, before.metadata.annotations ?? {})
      assert.equal(givenBack(before), undefined)
    }),
  )
})

test('a second time only the image changes; after an interruption the same comes of it as without one', () => {
  fc.assert(
    fc.property(deployments, (before) => {
      const { deployment: once } = adopted(before)
      const again = adopted(once, 'lifeboat:2')
      assert.equal(again.how, 'ours')
      assert.deepEqual(adopted(again.deployment).deployment, once)
      const record = once.metadata.annotations?.[recordAnnotation] ?? assert.fail()
      const annotations = { ...before.metadata.annotations, [recordAnnotation]: record }
      const interrupted = {
        ...before,
        metadata: { ...before.metadata, annotations },
        spec: { ...(before['spec'] as object), replicas: 0 },
      }
      assert.deepEqual(adopted(interrupted).deployment, once)
    }),
  )
})

test('flags are kept as far as our server has them, and what is kept for nothing or left out is told', () => {
  const args = [
    'server',
    '--features',
    'EnableCSI',
    '--uploader-type=kopia',
    '-n',
    'boats',
    '--maintenance-job-cpu-limit=1',
  ]
  assert.deepEqual(serverWords({ args }, flags), {
    args: ['--features=EnableCSI', '--uploader-type=kopia', '-n=boats'],
    idle: ['--uploader-type=kopia'],
    leftOut: ['--maintenance-job-cpu-limit=1'],
  })
})

test('a server that does less, or is started in a way of its own, is not adopted', () => {
  const reason = (container: { command?: string[]; args?: string[] }): string => {
    const words = serverWords(container, flags)
    return 'refused' in words ? words.refused : assert.fail(JSON.stringify(words))
  }
  assert.match(reason({ args: ['server', '--restore-only'] }), /--restore-only: make its locations read-only/)
  assert.match(reason({ args: ['server', '--disable-controllers=gc'] }), /--disable-controllers=gc/)
  assert.match(reason({ command: ['sh', '-c', 'velero server'] }), /not started by "velero server"/)
  assert.match(reason({ command: ['/velero'], args: ['node-agent'] }), /not started by "velero server"/)
  assert.ok(!('refused' in serverWords({ args: ['server', '--restore-only=false'] }, flags)))
})

test("Velero's plug-in for AWS is known by its name, wherever its image comes from", () => {
  for (const image of [
    'velero/velero-plugin-for-aws:v1',
    'host:5000/a/velero-plugin-for-aws',
    'velero-plugin-for-aws@sha256:0',
  ])
    assert.ok(isAwsPlugin(image), image)
  for (const image of ['velero/velero-plugin-for-gcp:v1', 'my-velero-plugin-for-aws:v1', 'velero-plugin-for-aws-2:v1'])
    assert.ok(!isAwsPlugin(image), image)
})

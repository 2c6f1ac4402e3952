import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { installationObjects, Services, type Installation } from './installation.ts'

const plain: Installation = {
  namespace: 'velero',
  image: 'lifeboat:1',
  serverArgs: [],
  rights: 'all',
  resources: { requests: { cpu: '', memory: '' }, limits: { cpu: '', memory: '' } },
}

const names = (installation: Partial<Installation>): string[] =>
  installationObjects({ ...plain, ...installation }).map(({ object }) => `${object.kind}/${object.metadata.name}`)

test('whatever is chosen, every object is labelled as one of an installation and lies in its namespace; the Deployment comes last', () => {
  const installation = fc.record({
    namespace: fc.constantFrom('velero', 'boats'),
    rights: fc.constantFrom('all' as const, 'read-and-restore' as const, 'read' as const),
    serviceAccountName: fc.option(fc.constant('mine'), { nil: undefined }),
    credentials: fc.option(fc.string(), { nil: undefined }),
    podLabels: fc.option(fc.dictionary(fc.constantFrom('deploy', 'component', 'team'), fc.string()), {
      nil: undefined,
    }),
  })
  fc.assert(
    fc.property(installation, (chosen) => {
      const objects = installationObjects({ ...plain, ...chosen })
      for (const { type, object } of objects) {
        assert.equal(object.metadata.labels?.['component'], 'velero')
        assert.equal(object.metadata.namespace, type.namespaced ? chosen.namespace : undefined)
      }
      const last = objects.at(-1)?.object ?? assert.fail()
      assert.equal(last.kind, 'Deployment')
      const { selector, template } = last['spec'] as {
        selector: { matchLabels: Record<string, string> }
        template: { metadata: { labels: Record<string, string> } }
      }
      assert.partialDeepStrictEqual(template.metadata.labels, selector.matchLabels)
      const service = objects.find(({ type }) => type === Services)?.object ?? assert.fail()
      assert.deepEqual((service['spec'] as { selector: object }).selector, selector.matchLabels)
    }),
  )
})

test("Velero's names, with the namespace in what belongs to the whole cluster", () => {
  assert.deepEqual(names({}), [
    'Namespace/velero',
    'ClusterRoleBinding/velero',
    'ServiceAccount/velero',
    'Service/lifeboat',
    'Deployment/velero',
  ])
  assert.deepEqual(names({ namespace: 'boats', rights: 'read' }), [
    'Namespace/boats',
    'ClusterRole/velero-boats',
    'Role/velero',
    'RoleBinding/velero',
    'ClusterRoleBinding/velero-boats',
    'ServiceAccount/velero',
    'Service/lifeboat',
    'Deployment/velero',
  ])
  assert.deepEqual(names({ serviceAccountName: 'mine', rights: 'read' }), [
    'Namespace/velero',
    'Service/lifeboat',
    'Deployment/velero',
  ])
})

test('an image that can change under its name is pulled each time', () => {
  const policyOf = (image: string): unknown => {
    const { object } = installationObjects({ ...plain, image }).at(-1) ?? assert.fail()
    const { template } = object['spec'] as { template: { spec: { containers: { imagePullPolicy: string }[] } } }
    return template.spec.containers[0]?.imagePullPolicy
  }
  for (const image of ['lifeboat', 'lifeboat:latest', 'host:5000/lifeboat', 'host:5000/lifeboat:latest'])
    assert.equal(policyOf(image), 'Always', image)
  for (const image of ['lifeboat:1', 'host:5000/lifeboat:1', `lifeboat@sha256:${'0'.repeat(64)}`])
    assert.equal(policyOf(image), 'IfNotPresent', image)
})

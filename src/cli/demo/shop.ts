import { parseJson } from '#kube/json.ts'
import type { KubeObject } from '#kube/object.ts'

/** The namespace of the sample shop. */
export const SHOP = 'shop'

const SELLERS = 'sellers.shop.example.com'

/** What the shop's own custom resource is: must be served before `shopObjects` can be made. */
export function shopDefinitions(): KubeObject[] {
  return [
    {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: SELLERS },
      spec: {
        group: 'shop.example.com',
        scope: 'Namespaced',
        names: { plural: 'sellers', singular: 'seller', kind: 'Seller', listKind: 'SellerList', shortNames: ['sel'] },
        versions: [
          {
            name: 'v1',
            served: true,
            storage: true,
            schema: {
              openAPIV3Schema: {
                type: 'object',
                properties: {
                  spec: {
                    type: 'object',
                    properties: { city: { type: 'string' }, revenueCents: { type: 'integer', format: 'int64' } },
                  },
                },
              },
            },
          },
        ],
      },
    },
  ]
}

/** A shop as one finds it in clusters: about 35 objects of 20 kinds. The first is its Namespace; later ones build on earlier ones. */
export function shopObjects(): KubeObject[] {
  return [...foundations(), ...access(), ...configuration(), ...workloads(), ...network(), ...sellers()]
}

function foundations(): KubeObject[] {
  return [
    object('v1', 'Namespace', { name: SHOP, labels: { team: 'checkout' } }, {}),
    object(
      'scheduling.k8s.io/v1',
      'PriorityClass',
      { name: 'shop-checkout' },
      { value: 1000, description: 'Customers who pay go first' },
    ),
    inShop('v1', 'ResourceQuota', 'shop', { spec: { hard: { pods: '100', services: '20' } } }),
    inShop('v1', 'LimitRange', 'defaults', {
      spec: { limits: [{ type: 'Container', defaultRequest: { cpu: '50m', memory: '64Mi' } }] },
    }),
  ]
}

function access(): KubeObject[] {
  const account = { kind: 'ServiceAccount', name: 'checkout', namespace: SHOP }
  return [
    inShop('v1', 'ServiceAccount', 'checkout', {}),
    inShop('rbac.authorization.k8s.io/v1', 'Role', 'read-config', {
      rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list'] }],
    }),
    inShop('rbac.authorization.k8s.io/v1', 'RoleBinding', 'checkout-reads-config', {
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'read-config' },
      subjects: [account],
    }),
    object(
      'rbac.authorization.k8s.io/v1',
      'ClusterRole',
      { name: 'shop-read-nodes' },
      { rules: [{ apiGroups: [''], resources: ['nodes'], verbs: ['list'] }] },
    ),
    object(
      'rbac.authorization.k8s.io/v1',
      'ClusterRoleBinding',
      { name: 'shop-checkout-reads-nodes' },
      {
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'shop-read-nodes' },
        subjects: [account],
      },
    ),
  ]
}

function configuration(): KubeObject[] {
  return [
    inShop('v1', 'ConfigMap', 'prices', { data: { 'prices.csv': 'apple,0.40\nbread,2.90\ncheese,11.50\n' } }),
    inShop('v1', 'ConfigMap', 'features', { data: { vouchers: 'on', newBasket: 'off' } }),
    inShop('v1', 'ConfigMap', 'logo', {
      binaryData: { 'logo.gif': 'R0lGODlhAQABAIAAAP8AAAAAACwAAAAAAQABAAACAkQBADs=' },
    }),
    inShop('v1', 'Secret', 'payment-provider', { type: 'Opaque', stringData: { token: 'not-a-real-token' } }),
    inShop('v1', 'Secret', 'database', {
      type: 'kubernetes.io/basic-auth',
      stringData: { username: 'shop', password: 'correct horse' },
    }),
    inShop('v1', 'PersistentVolumeClaim', 'uploads', {
      spec: { accessModes: ['ReadWriteOnce'], storageClassName: 'manual', resources: { requests: { storage: '1Gi' } } },
    }),
  ]
}

function workloads(): KubeObject[] {
  return [
    deployment('web', 3),
    deployment('checkout', 2, { serviceAccountName: 'checkout', priorityClassName: 'shop-checkout' }),
    deployment('search', 1),
    inShop('apps/v1', 'StatefulSet', 'database', {
      spec: {
        serviceName: 'database',
        replicas: 1,
        selector: { matchLabels: { app: 'database' } },
        template: podTemplate('database', {}),
      },
    }),
    inShop('batch/v1', 'CronJob', 'nightly-report', {
      spec: {
        schedule: '0 3 * * *',
        jobTemplate: {
          spec: { template: { spec: { ...podTemplate('report', {}).spec, restartPolicy: 'OnFailure' } } },
        },
      },
    }),
    inShop('autoscaling/v2', 'HorizontalPodAutoscaler', 'web', {
      spec: {
        minReplicas: 3,
        maxReplicas: 10,
        scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
      },
    }),
    inShop('policy/v1', 'PodDisruptionBudget', 'checkout', {
      spec: { minAvailable: 1, selector: { matchLabels: { app: 'checkout' } } },
    }),
  ]
}

function network(): KubeObject[] {
  const services = ['web', 'checkout', 'search'].map((name) => service(name, {}))
  const backend = { service: { name: 'web', port: { number: 80 } } }
  return [
    ...services,
    service('database', { clusterIP: 'None' }),
    inShop('networking.k8s.io/v1', 'Ingress', 'shop', {
      spec: { rules: [{ host: 'shop.example.com', http: { paths: [{ path: '/', pathType: 'Prefix', backend }] } }] },
    }),
    inShop('networking.k8s.io/v1', 'NetworkPolicy', 'database-only-from-checkout', {
      spec: {
        podSelector: { matchLabels: { app: 'database' } },
        ingress: [{ from: [{ podSelector: { matchLabels: { app: 'checkout' } } }] }],
      },
    }),
  ]
}

function sellers(): KubeObject[] {
  // More than 2^53, to show that no number is rounded on its way.
  const revenues = ['9007199254740993', '1250', '880000']
  return ['amara', 'bo', 'chen'].map((name, index) =>
    inShop('shop.example.com/v1', 'Seller', name, {
      spec: { city: ['Lagos', 'Oslo', 'Taipei'][index], revenueCents: parseJson(revenues[index] ?? '0') },
    }),
  )
}

function deployment(name: string, replicas: number, spec: object = {}): KubeObject {
  return inShop('apps/v1', 'Deployment', name, {
    spec: { replicas, selector: { matchLabels: { app: name } }, template: podTemplate(name, spec) },
  })
}

function podTemplate(app: string, spec: object): { metadata: object; spec: object } {
  return {
    metadata: { labels: { app } },
    spec: { ...spec, containers: [{ name: app, image: `registry.example.com/shop/${app}:1.4` }] },
  }
}

function service(name: string, spec: object): KubeObject {
  return inShop('v1', 'Service', name, {
    spec: { ...spec, selector: { app: name }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
  })
}

function inShop(apiVersion: string, kind: string, name: string, fields: object): KubeObject {
  return object(apiVersion, kind, { name, namespace: SHOP }, fields)
}

function object(apiVersion: string, kind: string, metadata: KubeObject['metadata'], fields: object): KubeObject {
  return { apiVersion, kind, metadata, ...fields }
}

/** What there is to choose about the server's pod. */
export interface ServerPod {
  /** An image whose entry point is our program. */
  readonly image: string
  /** For `lifeboat server`, behind that word. */
  readonly serverArgs: readonly string[]
  readonly podAnnotations?: Readonly<Record<string, string>> | undefined
  readonly podLabels?: Readonly<Record<string, string>> | undefined
  readonly resources: Resources
  readonly priorityClassName?: string | undefined
}

/** Kubernetes quantities; an empty or absent one, or 0, sets no bound. */
export interface Resources {
  readonly requests: { readonly cpu: string; readonly memory: string }
  readonly limits: { readonly cpu: string; readonly memory: string }
}

/** What other objects decide about the pod. */
export interface PodSurroundings {
  readonly account: string
  /** Whether Secret `cloud-credentials` is to be mounted. */
  readonly hasCredentials: boolean
}

/** The container's name tells our server from Velero's, which has the Deployment's name. */
export const containerName = 'lifeboat'

/** By which the server's pods are found: other labels can be chosen, these cannot. */
export const serverLabels: Readonly<Record<string, string>> = { deploy: 'velero' }

// The user `nonroot` of distroless images; no image needs to know it.
const USER = 65_532
/** Of metrics, probes and downloads. */
export const METRICS_PORT = 8085

/** `spec` of the server's Deployment. How many replicas there are is left to whoever scales it: one leads, the others wait. */
export function deploymentSpec(pod: ServerPod, surroundings: PodSurroundings): object {
  const labels = { ...pod.podLabels, component: 'velero', ...serverLabels }
  const annotations = {
    'prometheus.io/path': '/metrics',
    'prometheus.io/port': String(METRICS_PORT),
    'prometheus.io/scrape': 'true',
    ...pod.podAnnotations,
  }
  return {
    selector: { matchLabels: serverLabels },
    template: { metadata: { labels, annotations }, spec: podSpec(pod, surroundings) },
  }
}

function podSpec(pod: ServerPod, { account, hasCredentials }: PodSurroundings): object {
  const secret = { secretName: 'cloud-credentials', defaultMode: 0o440 }
  return {
    serviceAccountName: account,
    restartPolicy: 'Always',
    ...(pod.priorityClassName === undefined ? {} : { priorityClassName: pod.priorityClassName }),
    nodeSelector: { 'kubernetes.io/os': 'linux' },
    securityContext: {
      runAsNonRoot: true,
      runAsUser: USER,
      runAsGroup: USER,
      // Files of the Secret, and web identity tokens, belong to this group.
      fsGroup: USER,
      seccompProfile: { type: 'RuntimeDefault' },
    },
    containers: [container(pod, hasCredentials)],
    volumes: [{ name: 'scratch', emptyDir: {} }, ...(hasCredentials ? [{ name: 'cloud-credentials', secret }] : [])],
  }
}

function container({ image, serverArgs, resources }: ServerPod, hasCredentials: boolean): object {
  const env = [
    { name: 'VELERO_NAMESPACE', valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } },
    // The root file system is read-only: temporary files and V8's compile cache go here.
    { name: 'TMPDIR', value: '/scratch' },
    { name: 'NODE_COMPILE_CACHE', value: '/scratch/compiled' },
    ...(hasCredentials ? [{ name: 'AWS_SHARED_CREDENTIALS_FILE', value: '/credentials/cloud' }] : []),
  ]
  const volumeMounts = [
    { name: 'scratch', mountPath: '/scratch' },
    ...(hasCredentials ? [{ name: 'cloud-credentials', mountPath: '/credentials', readOnly: true }] : []),
  ]
  return {
    name: containerName,
    image,
    imagePullPolicy: pullPolicy(image),
    args: ['server', ...serverArgs],
    env,
    ports: [{ name: 'metrics', containerPort: METRICS_PORT }],
    livenessProbe: probe('/healthz', { initialDelaySeconds: 10, periodSeconds: 20, failureThreshold: 6 }),
    readinessProbe: probe('/readyz', { periodSeconds: 5 }),
    resources: bounds(resources),
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    volumeMounts,
  }
}

function probe(path: string, timing: object): object {
  return { httpGet: { path, port: 'metrics' }, timeoutSeconds: 5, ...timing }
}

/** An image that can change under its name is fetched each time. */
export function pullPolicy(image: string): 'Always' | 'IfNotPresent' {
  if (image.includes('@')) return 'IfNotPresent'
  const tag = image.slice(image.lastIndexOf('/') + 1).split(':')[1]
  return tag === undefined || tag === 'latest' ? 'Always' : 'IfNotPresent'
}

function bounds({ requests, limits }: Resources): object {
  return Object.fromEntries(
    Object.entries({ requests, limits }).map(([kind, quantities]) => [
      kind,
      Object.fromEntries(Object.entries(quantities).filter(([, quantity]) => quantity !== '' && quantity !== '0')),
    ]),
  )
}

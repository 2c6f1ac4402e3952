/** Why a configuration of the cluster's address and credentials cannot be used. */
export type KubeConfigProblem =
  | 'missing'
  | 'unreadable'
  | 'malformed'
  | 'no-context'
  | 'no-cluster'
  | 'no-user'
  | 'certificate-expired'
  | 'unsupported'

/** The user's configuration is missing or wrong. The message says where it was looked for and what to do. */
export class KubeConfigError extends Error {
  override readonly name = 'KubeConfigError'
  readonly problem: KubeConfigProblem
  constructor(problem: KubeConfigProblem, message: string, options?: ErrorOptions) {
    super(message, options)
    this.problem = problem
  }
}

/** PEM text, or the absolute path of a file that holds it (read again when it changes). */
export type Pem = { readonly data: string } | { readonly file: string }

/** A program that prints credentials (client.authentication.k8s.io), as EKS, GKE and AKS use. */
export interface ExecPlugin {
  readonly apiVersion: 'client.authentication.k8s.io/v1' | 'client.authentication.k8s.io/v1beta1'
  /** Absolute, or a name to be found in PATH. */
  readonly command: string
  readonly args: readonly string[]
  /** The whole environment of the process. */
  readonly env: Readonly<Record<string, string | undefined>>
  readonly installHint: string | undefined
  readonly interactiveMode: 'Never' | 'IfAvailable' | 'Always'
  /** `spec.cluster` for the plugin when it asked for it (`provideClusterInfo`). */
  readonly cluster: Readonly<Record<string, unknown>> | undefined
}

/** Who we are towards the API server. What is set is used; a plugin's answer wins over a token. */
export interface UserConfig {
  readonly certificate?: { readonly cert: Pem; readonly key: Pem } | undefined
  readonly token?: string | undefined
  /** Absolute path, read again once a minute; wins over `token`. */
  readonly tokenFile?: string | undefined
  readonly exec?: ExecPlugin | undefined
  /** Headers that every request carries, for impersonation. */
  readonly headers?: Readonly<Record<string, readonly string[]>> | undefined
}

/** One API server and how to reach it: everything `connect` needs, no file left to find. */
export interface ClusterConfig {
  /** `https://host:port`, possibly with a path (a gateway in front of several clusters). */
  readonly server: string
  /** Name of the context, undefined in-cluster. */
  readonly context: string | undefined
  /** The context's namespace, `default` when it has none. */
  readonly namespace: string
  readonly ca: Pem | undefined
  readonly skipTlsVerify: boolean
  readonly tlsServerName: string | undefined
  /** `http://`, `https://` or `socks5://`, from the kubeconfig or the environment. */
  readonly proxy: string | undefined
  readonly user: UserConfig
}

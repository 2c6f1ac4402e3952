/** A program that this room can get hold of. */
export type AssetName =
  | 'etcd'
  | 'kube-apiserver'
  | 'kube-controller-manager'
  | 'kube-scheduler'
  | 'kubelet'
  | 'versitygw'
  | 'minio'
  | 'velero'
  | 'velero-plugin-for-aws'
  | 'helm'
  | 'kubectl'
  | 'csi-provisioner'
  | 'csi-snapshotter'
  | 'snapshot-controller'
  | 'csi-sanity'

/** How one program is built from its pinned module in tools/. */
export interface AssetRecipe {
  readonly name: AssetName
  /** As tools/<module>/go.mod pins it; a test compares the two. */
  readonly version: string
  /** Folder in tools/. */
  readonly module: string
  /** Go package of the command. */
  readonly package: string
  /** Values set by the linker: variable → value. */
  readonly variables: Readonly<Record<string, string>>
  /** Seconds of a build on two cores with an empty Go cache, measured; a first guess for progress only. */
  readonly seconds: number
}

const kubernetesVersion = 'v1.36.3'

type KubernetesName = 'kube-apiserver' | 'kube-controller-manager' | 'kube-scheduler' | 'kubelet'

function kubernetes(name: KubernetesName, seconds: number): AssetRecipe {
  return {
    name,
    version: kubernetesVersion,
    module: 'kubernetes',
    package: `k8s.io/kubernetes/cmd/${name}`,
    // Without these the server calls itself v0.0.0-master, which clients that compare versions refuse.
    variables: {
      'k8s.io/component-base/version.gitVersion': kubernetesVersion,
      'k8s.io/component-base/version.gitMajor': '1',
      'k8s.io/component-base/version.gitMinor': '36',
    },
    seconds,
  }
}

function snapshotter(name: 'csi-snapshotter' | 'snapshot-controller', seconds: number): AssetRecipe {
  return {
    name,
    version: 'v8.7.0',
    module: 'csi-snapshotter',
    package: `github.com/kubernetes-csi/external-snapshotter/v8/cmd/${name}`,
    variables: {},
    seconds,
  }
}

const recipes: Readonly<Record<AssetName, AssetRecipe>> = {
  etcd: { name: 'etcd', version: 'v3.6.8', module: 'etcd', package: '.', variables: {}, seconds: 40 },
  'kube-apiserver': kubernetes('kube-apiserver', 220),
  'kube-controller-manager': kubernetes('kube-controller-manager', 65),
  'kube-scheduler': kubernetes('kube-scheduler', 5),
  kubelet: kubernetes('kubelet', 20),
  versitygw: {
    name: 'versitygw',
    version: 'v1.8.0',
    module: 'versitygw',
    package: 'github.com/versity/versitygw/cmd/versitygw',
    variables: {},
    seconds: 60,
  },
  minio: {
    name: 'minio',
    version: 'v0.0.0-20260212201848-7aac2a2c5b7c',
    module: 'minio',
    package: 'github.com/minio/minio',
    variables: {},
    seconds: 160,
  },
  velero: {
    name: 'velero',
    version: 'v1.18.1',
    module: 'velero',
    package: 'github.com/vmware-tanzu/velero/cmd/velero',
    variables: { 'github.com/vmware-tanzu/velero/pkg/buildinfo.Version': 'v1.18.1' },
    seconds: 180,
  },
  'velero-plugin-for-aws': {
    name: 'velero-plugin-for-aws',
    version: 'v1.14.3',
    module: 'velero-plugin-for-aws',
    package: 'github.com/vmware-tanzu/velero-plugin-for-aws/velero-plugin-for-aws',
    variables: {},
    seconds: 90,
  },
  helm: {
    name: 'helm',
    version: 'v3.22.0',
    module: 'helm',
    package: 'helm.sh/helm/v3/cmd/helm',
    variables: {},
    seconds: 120,
  },
  kubectl: { name: 'kubectl', version: 'v0.36.3', module: 'kubectl', package: '.', variables: {}, seconds: 60 },
  'csi-provisioner': {
    name: 'csi-provisioner',
    version: 'v5.3.0',
    module: 'csi-provisioner',
    package: 'github.com/kubernetes-csi/external-provisioner/v5/cmd/csi-provisioner',
    variables: {},
    seconds: 160,
  },
  'csi-snapshotter': snapshotter('csi-snapshotter', 20),
  'snapshot-controller': snapshotter('snapshot-controller', 100),
  'csi-sanity': {
    name: 'csi-sanity',
    version: 'v5.6.0',
    module: 'csi-sanity',
    package: 'github.com/kubernetes-csi/csi-test/v5/cmd/csi-sanity',
    variables: {},
    seconds: 60,
  },
}

/** The recipe of `name`. */
export function assetRecipe(name: AssetName): AssetRecipe {
  return recipes[name]
}

/** Every program there is a recipe for. */
export function assetNames(): AssetName[] {
  return Object.keys(recipes) as AssetName[]
}

/** File name in the cache: other versions and other machines sharing a home directory do not meet. */
export function cachedFileName(recipe: AssetRecipe): string {
  return `${recipe.name}-${recipe.version}-${process.platform}-${process.arch}`
}

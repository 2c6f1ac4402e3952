import { join } from 'node:path'
import type { NodeSlot } from './node-slot.ts'

/** Where the files of one node are, below the sandbox's folder, and what it is made from. */
export interface NodePlan {
  slot: NodeSlot
  /** `<sandbox>/node` */
  directory: string
  logsDirectory: string
  /** Of the unpacked packages: containerd, runc, CNI plug-ins, busybox. */
  tools: string
  programs: { 'kube-scheduler': string; kubelet: string }
  ports: { scheduler: number; kubelet: number; kubeletHealth: number; apiServer: number }
  /** Of the authority whose client certificates the kubelet accepts. */
  authorityFile: string
}

/** Name of the one node. */
export const nodeName = 'node'
export const busyboxImage = 'docker.io/library/busybox:1.36'
export const pauseImage = 'lifeboat.dev/pause:1'

/** Where a node looks for programs: those of its tools come first. */
export function nodePath({ tools }: Pick<NodePlan, 'tools'>): string {
  const own = ['usr/bin', 'usr/sbin', 'bin', 'sbin'].map((folder) => join(tools, folder))
  return [...own, '/usr/sbin', '/usr/bin', '/sbin', '/bin'].join(':')
}

/** containerd's configuration (TOML; a JSON string is a TOML string). */
export function containerdConfig({ directory, tools }: NodePlan): string {
  const quote = (...parts: string[]) => JSON.stringify(join(...parts))
  return `version = 2
root = ${quote(directory, 'containerd')}
state = "/run/containerd"
[grpc]
  address = "/run/containerd/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${pauseImage}"
  # Without CAP_SYS_RESOURCE, as in many containers, nobody may lower this score.
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = ${quote(tools, 'usr/lib/cni')}
    conf_dir = ${quote(directory, 'cni')}
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      BinaryName = ${quote(tools, 'usr/sbin/runc')}
`
}

/** The pods' network: a bridge on which this machine has the gateway's address. No way leads from it to other machines. */
export function networkConfig({ slot, directory }: NodePlan): string {
  return JSON.stringify({
    cniVersion: '0.4.0',
    name: 'pods',
    type: 'bridge',
    bridge: slot.bridge,
    ipam: {
      type: 'host-local',
      dataDir: join(directory, 'addresses'),
      ranges: [[{ subnet: slot.podRange, gateway: slot.gateway }]],
      routes: [{ dst: '0.0.0.0/0' }],
    },
  })
}

/** The kubelet's configuration file. */
export function kubeletConfig({ slot, directory, logsDirectory, ports, authorityFile }: NodePlan): string {
  return JSON.stringify({
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    address: '127.0.0.1',
    port: ports.kubelet,
    healthzBindAddress: '127.0.0.1',
    healthzPort: ports.kubeletHealth,
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: authorityFile },
    },
    authorization: { mode: 'Webhook' },
    containerRuntimeEndpoint: 'unix:///run/containerd/containerd.sock',
    cgroupDriver: 'cgroupfs',
    failCgroupV1: false,
    failSwapOn: false,
    // Several nodes on one machine, and the machine's own processes, leave each other's groups alone.
    cgroupRoot: slot.cgroup,
    makeIPTablesUtilChains: false,
    resolvConf: join(directory, 'resolv.conf'),
    podLogsDir: join(logsDirectory, 'pods'),
    volumePluginDir: join(directory, 'volume-plugins'),
    // The disk is the machine's, which has its own ideas of how full it may be.
    evictionHard: { 'nodefs.available': '0%', 'nodefs.inodesFree': '0%', 'imagefs.available': '0%' },
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
    syncFrequency: '10s',
    registryPullQPS: 0,
    maxPods: 250,
  })
}

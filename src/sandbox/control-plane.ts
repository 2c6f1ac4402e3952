import { join } from 'node:path'
import type { CertificateFiles } from './certificates.ts'
import type { ProgramOptions } from './program.ts'

/** The programs of a control plane, in the order in which they start. */
export type ControlPlaneName = 'etcd' | 'kube-apiserver' | 'kube-controller-manager'

/** Where each program of the control plane is. */
export type ControlPlaneAssets = Readonly<Record<ControlPlaneName, string>>

/** TCP ports on 127.0.0.1. */
export interface Ports {
  etcd: number
  etcdPeer: number
  apiServer: number
  controllerManager: number
}

/** What every command line of one sandbox is made from. */
export interface ControlPlane {
  directory: string
  assets: ControlPlaneAssets
  ports: Ports
  certificates: CertificateFiles
  kubeconfigPath: string
  /** Such as `10.96.0.0/16`. */
  serviceRange: string
}

/** The log of one program of the sandbox in `directory`. */
export function logPath(directory: string, name: ControlPlaneName): string {
  return join(directory, 'logs', `${name}.log`)
}

/** The command line of one program. */
export function commandLine(name: ControlPlaneName, plane: ControlPlane): ProgramOptions {
  return {
    name,
    path: plane.assets[name],
    args: flags(name, plane),
    logPath: logPath(plane.directory, name),
    cwd: plane.directory,
    env: {},
  }
}

function flags(name: ControlPlaneName, plane: ControlPlane): string[] {
  switch (name) {
    case 'etcd':
      return etcdFlags(plane)
    case 'kube-apiserver':
      return apiServerFlags(plane)
    case 'kube-controller-manager':
      return controllerManagerFlags(plane)
  }
}

function etcdFlags({ directory, ports }: ControlPlane): string[] {
  const peer = `http://127.0.0.1:${ports.etcdPeer}`
  const client = `http://127.0.0.1:${ports.etcd}`
  return [
    '--name=sandbox',
    `--data-dir=${join(directory, 'etcd')}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=sandbox=${peer}`,
    // The data is thrown away with the machine, so it need not survive a power cut.
    '--unsafe-no-fsync',
    `--quota-backend-bytes=${8 * 1024 ** 3}`,
    '--log-level=warn',
  ]
}

function apiServerFlags({ ports, certificates, serviceRange }: ControlPlane): string[] {
  return [
    `--etcd-servers=http://127.0.0.1:${ports.etcd}`,
    `--secure-port=${ports.apiServer}`,
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    `--service-cluster-ip-range=${serviceRange}`,
    '--endpoint-reconciler-type=none',
    '--authorization-mode=Node,RBAC',
    '--allow-privileged=true',
    `--client-ca-file=${certificates.authority.cert}`,
    `--tls-cert-file=${certificates.serving.cert}`,
    `--tls-private-key-file=${certificates.serving.key}`,
    '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
    `--service-account-key-file=${certificates.serviceAccount.publicKey}`,
    `--service-account-signing-key-file=${certificates.serviceAccount.key}`,
    `--kubelet-client-certificate=${certificates.kubelet.cert}`,
    `--kubelet-client-key=${certificates.kubelet.key}`,
    '--kubelet-preferred-address-types=InternalIP',
    // The aggregation layer, so that APIServices work; without kube-proxy a service's own address leads nowhere.
    '--enable-aggregator-routing=true',
    `--requestheader-client-ca-file=${certificates.frontProxyAuthority.cert}`,
    '--requestheader-allowed-names=front-proxy-client',
    '--requestheader-username-headers=X-Remote-User',
    '--requestheader-group-headers=X-Remote-Group',
    '--requestheader-extra-headers-prefix=X-Remote-Extra-',
    `--proxy-client-cert-file=${certificates.frontProxy.cert}`,
    `--proxy-client-key-file=${certificates.frontProxy.key}`,
  ]
}

function controllerManagerFlags({ ports, certificates, kubeconfigPath }: ControlPlane): string[] {
  return [
    `--kubeconfig=${kubeconfigPath}`,
    `--authentication-kubeconfig=${kubeconfigPath}`,
    `--authorization-kubeconfig=${kubeconfigPath}`,
    `--secure-port=${ports.controllerManager}`,
    '--bind-address=127.0.0.1',
    `--tls-cert-file=${certificates.serving.cert}`,
    `--tls-private-key-file=${certificates.serving.key}`,
    '--leader-elect=false',
    `--service-account-private-key-file=${certificates.serviceAccount.key}`,
    `--root-ca-file=${certificates.authority.cert}`,
    `--cluster-signing-cert-file=${certificates.authority.cert}`,
    `--cluster-signing-key-file=${certificates.authority.key}`,
    // The default of 20 requests a second makes the deletion of a full namespace last minutes.
    '--kube-api-qps=500',
    '--kube-api-burst=1000',
  ]
}

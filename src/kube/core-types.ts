import type { KubeObject, ResourceType } from './object.ts'

// Types of Kubernetes itself that several rooms meet; those that one room alone meets are there.
export const Pods = core('pods', 'Pod')
export const Secrets: ResourceType<KubeObject & { data?: Record<string, string> }> = core('secrets', 'Secret')
export const PersistentVolumeClaims = core('persistentvolumeclaims', 'PersistentVolumeClaim')
export const PersistentVolumes = { ...core('persistentvolumes', 'PersistentVolume'), namespaced: false }
export const StorageClasses = storage('storageclasses', 'StorageClass')
export const CsiDrivers = storage('csidrivers', 'CSIDriver')

function core(plural: string, kind: string): ResourceType {
  return { group: '', version: 'v1', plural, kind, namespaced: true }
}

function storage(plural: string, kind: string): ResourceType {
  return { group: 'storage.k8s.io', version: 'v1', plural, kind, namespaced: false }
}

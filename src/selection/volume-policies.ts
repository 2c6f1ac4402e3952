import type { KubeObject } from '#kube/object.ts'
import { parseQuantity } from './quantity.ts'
import type { CapacityRange, VolumeAction, VolumeConditions, VolumePolicy } from './resource-policies.ts'

/** What volume policies ask of a volume; `volumeFacts` finds it out. */
export interface VolumeFacts {
  /** In billionths (`parseQuantity`); 0 when it is not known. */
  readonly capacity: bigint
  /** Empty when there is none. */
  readonly storageClass: string
  readonly nfs: { readonly server: string; readonly path: string } | undefined
  readonly csi: { readonly driver: string; readonly volumeAttributes: Readonly<Record<string, string>> } | undefined
  /** Name of the volume source: `csi`, `emptyDir`; empty when it is not known. */
  readonly volumeType: string
  readonly pvcLabels: Readonly<Record<string, string>>
  /** Empty when there is no claim. */
  readonly pvcPhase: string
}

/** Where a volume is described: the PersistentVolume, else the entry of a pod's `spec.volumes`; and the claim, if there is one. */
export interface VolumeSources {
  readonly volume?: KubeObject | undefined
  readonly podVolume?: Readonly<Record<string, unknown>> | undefined
  readonly claim?: KubeObject | undefined
}

/** What policies go by. Of a claim only labels and phase count: what an unbound one asks for says nothing of what it will get (spec/backup §6.1). */
export function volumeFacts({ volume, podVolume, claim }: VolumeSources): VolumeFacts {
  const spec = mapOf(volume?.['spec'])
  const source = volume === undefined ? mapOf(podVolume) : spec
  const { nfs, csi } = source
  return {
    capacity: quantityOf(mapOf(spec['capacity'])['storage']),
    storageClass: wordOf(spec['storageClassName']),
    nfs: isMap(nfs) ? { server: wordOf(nfs['server']), path: wordOf(nfs['path']) } : undefined,
    csi: isMap(csi)
      ? { driver: wordOf(csi['driver']), volumeAttributes: wordsOf(mapOf(csi['volumeAttributes'])) }
      : undefined,
    volumeType: volumeTypes.find((type) => isMap(source[fieldOf(type)])) ?? '',
    pvcLabels: claim?.metadata.labels ?? {},
    pvcPhase: wordOf(mapOf(claim?.['status'])['phase']),
  }
}

/** The action of the first policy all of whose conditions the volume meets; undefined: no policy speaks of it. */
export function matchVolumePolicy(policies: readonly VolumePolicy[], facts: VolumeFacts): VolumeAction | undefined {
  return policies.find(({ conditions }) => meets(conditions, facts))?.action
}

function meets(conditions: VolumeConditions, facts: VolumeFacts): boolean {
  const { capacity, storageClass, nfs, csi, volumeTypes: types, pvcLabels, pvcPhase } = conditions
  return (
    (capacity === undefined || isWithin(capacity, facts.capacity)) &&
    isOneOf(storageClass, facts.storageClass) &&
    (nfs === undefined || isNfs(nfs, facts)) &&
    (csi === undefined || isCsi(csi, facts)) &&
    isOneOf(types, facts.volumeType) &&
    Object.entries(pvcLabels ?? {}).every(([key, value]) => ownValue(facts.pvcLabels, key) === value) &&
    isOneOf(pvcPhase, facts.pvcPhase)
  )
}

function isWithin({ lower, upper }: CapacityRange, size: bigint): boolean {
  return (lower === undefined || lower <= size) && (upper === undefined || size <= upper)
}

/** An empty list asks for nothing; what a volume has not is in no list. */
function isOneOf(wanted: readonly string[] | undefined, word: string): boolean {
  if (wanted === undefined || wanted.length === 0) return true
  return word !== '' && wanted.includes(word)
}

function isNfs({ server = '', path = '' }: NonNullable<VolumeConditions['nfs']>, { nfs }: VolumeFacts): boolean {
  if (nfs === undefined) return false
  return (server === '' || server === nfs.server) && (path === '' || path === nfs.path)
}

function isCsi(
  { driver = '', volumeAttributes = {} }: NonNullable<VolumeConditions['csi']>,
  { csi }: VolumeFacts,
): boolean {
  if (csi === undefined) return false
  if (driver === '') return true
  const attributes = csi.volumeAttributes
  const wanted = Object.entries(volumeAttributes)
  if (driver !== csi.driver || wanted.length === 0) return driver === csi.driver
  // As for Velero, an attribute that is missing among others is an empty one.
  return (
    Object.keys(attributes).length > 0 && wanted.every(([key, value]) => (ownValue(attributes, key) ?? '') === value)
  )
}

/** Every volume source of PersistentVolumes and pods that a policy can name. https://kubernetes.io/docs/concepts/storage/volumes/ */
const volumeTypes: readonly string[] = [
  'awsElasticBlockStore',
  'azureDisk',
  'azureFile',
  'cephfs',
  'cinder',
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'fc',
  'flexVolume',
  'flocker',
  'gcePersistentDisk',
  'gitRepo',
  'glusterfs',
  'hostPath',
  'iscsi',
  'local',
  'nfs',
  'photonPersistentDisk',
  'portworxVolume',
  'projected',
  'quobyte',
  'rbd',
  'scaleIO',
  'secret',
  'storageOS',
  'vsphereVolume',
]

/** Velero's one word that is not the name of the field. */
function fieldOf(type: string): string {
  return type === 'storageOS' ? 'storageos' : type
}

function ownValue(map: Readonly<Record<string, string>>, key: string): string | undefined {
  return Object.hasOwn(map, key) ? map[key] : undefined
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function mapOf(value: unknown): Readonly<Record<string, unknown>> {
  return isMap(value) ? value : {}
}

function wordOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function wordsOf(map: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, wordOf(value)]))
}

/** The API server has checked it; a number may come as such. */
function quantityOf(value: unknown): bigint {
  return typeof value === 'string' || typeof value === 'number' ? parseQuantity(String(value)) : 0n
}

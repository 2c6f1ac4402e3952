import { annotationKeys, labelKeys } from '#api/labels.ts'
import type { KubeObject } from '#kube/object.ts'
import { textOf } from './json.ts'

/** Whose wishes about the class of a snapshot count. */
export interface ClassWishes {
  readonly claim: KubeObject
  /** Of the Backup. */
  readonly annotations: Readonly<Record<string, string>> | undefined
}

/** The class a snapshot is made with, or why there is none. */
export type ClassChoice =
  | { readonly class: string }
  /** `none`: the driver has no class at all; `several`: nothing says which of those named is meant. */
  | { readonly problem: 'none' }
  | { readonly problem: 'several'; readonly names: readonly string[] }

const defaultClassAnnotation = 'snapshot.storage.kubernetes.io/is-default-class'

/**
 * Velero's rules for the VolumeSnapshotClass of a claim (spec/volumes §1.1): named by the claim, by the Backup for this driver, labelled for
 * Velero, the cluster's default, the only one. A name that no class of the driver has is passed over. In name order, as the API server lists them.
 */
export function chooseSnapshotClass(
  classes: readonly KubeObject[],
  driver: string,
  { claim, annotations }: ClassWishes,
): ClassChoice {
  const names = classes.filter((one) => textOf(one['driver']) === driver).map(({ metadata }) => metadata)
  const named = (name: string | undefined): string | undefined =>
    names.find((one) => name !== undefined && one.name.toLowerCase() === name.toLowerCase())?.name
  const chosen =
    named(claim.metadata.annotations?.[annotationKeys.volumeSnapshotClass]) ??
    named(annotations?.[`${annotationKeys.volumeSnapshotClass}_${driver.toLowerCase()}`]) ??
    names.find(({ labels = {} }) => labelKeys.volumeSnapshotClass in labels)?.name ??
    // As for Velero, and unlike for Kubernetes, "false" is said by no annotation.
    names.find((one) => defaultClassAnnotation in (one.annotations ?? {}))?.name ??
    (names.length === 1 ? names[0]?.name : undefined)
  if (chosen !== undefined) return { class: chosen }
  return names.length === 0 ? { problem: 'none' } : { problem: 'several', names: names.map(({ name }) => name) }
}

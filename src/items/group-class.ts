import { annotationKeys, labelKeys } from '#api/labels.ts'
import type { KubeObject } from '#kube/object.ts'
import { textOf } from './json.ts'

/** Whose wishes about the class of a group count. */
export interface GroupClassWishes {
  /** The members. */
  readonly claims: readonly KubeObject[]
  /** Of the Backup. */
  readonly annotations: Readonly<Record<string, string>> | undefined
}

/** The class with which a group is snapshotted, or why there is none, as a part of a sentence. */
export type GroupClassChoice = { readonly class: string } | { readonly problem: string }

/**
 * Velero's rules for the VolumeGroupSnapshotClass of a group (spec/volumes §1.4): named by a member, by the Backup for this driver, or the one class of the
 * driver that is labelled for Velero. A name that no class of the driver has is a problem.
 */
export function chooseGroupClass(
  classes: readonly KubeObject[],
  driver: string,
  { claims, annotations = {} }: GroupClassWishes,
): GroupClassChoice {
  const ofDriver = classes.filter((one) => textOf(one['driver']) === driver).map(({ metadata }) => metadata)
  const named = nameOf(claims, annotations, driver)
  if (named !== undefined) {
    if (ofDriver.some(({ name }) => name === named.class)) return { class: named.class }
    return {
      problem: `VolumeGroupSnapshotClass ${named.class}, which ${named.by} names, is not one of driver ${driver}`,
    }
  }
  const label = labelKeys.volumeGroupSnapshotClass
  const labelled = ofDriver.filter(({ labels }) => labels?.[label] === 'true').map(({ name }) => name)
  const [only] = labelled
  if (only !== undefined && labelled.length === 1) return { class: only }
  return only === undefined
    ? { problem: `no VolumeGroupSnapshotClass of driver ${driver} is labelled ${label}=true` }
    : {
        problem: `several VolumeGroupSnapshotClasses of driver ${driver} are labelled ${label}=true: ${labelled.join(', ')}`,
      }
}

function nameOf(
  claims: readonly KubeObject[],
  annotations: Readonly<Record<string, string>>,
  driver: string,
): { class: string; by: string } | undefined {
  for (const { metadata } of claims) {
    const name = metadata.annotations?.[annotationKeys.volumeGroupSnapshotClass]
    if (name) return { class: name, by: `claim ${metadata.name}` }
  }
  const prefix = annotationKeys.volumeGroupSnapshotClassPrefix
  const name = annotations[`${prefix}${driver}`] || annotations[`${prefix}${driver.toLowerCase()}`]
  return name ? { class: name, by: 'the Backup' } : undefined
}

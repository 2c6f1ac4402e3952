import type { Priorities } from '#items/order.ts'

/** What whoever runs restores was told besides what each Restore says: server flags of Velero. */
export interface RestoreSettings {
  /** `--restore-resource-priorities`, with names as users write them; absent: the order of this program. */
  readonly priorities?: Priorities | undefined
  /** `--features=EnableAPIGroupVersions`: each type is restored in the version that suits the target (`chooseVersion`). */
  readonly choosesVersions?: boolean | undefined
}

/** The feature name of Velero that `choosesVersions` stands for. */
export const versionsFeature = 'EnableAPIGroupVersions'

/** Where a running restore stands. `totalItems` may still grow by objects that other objects bring along. */
export interface RestoreProgress {
  step: 'opening' | 'restoring' | 'waiting' | 'finishing'
  /** Objects that will be looked at. */
  totalItems: number
  /** Objects done with, whatever became of them. */
  itemsRestored: number
  warnings: number
  errors: number
}

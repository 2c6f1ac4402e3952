import type { BackupStorageLocation } from '#api/backup-storage-location.ts'
import type { Column } from '../table.ts'

/** The columns of `backup-location get` (spec/cli.md §8). */
export function locationColumns(): Column<BackupStorageLocation>[] {
  return [
    { heading: 'NAME', text: ({ metadata }) => metadata.name },
    { heading: 'PROVIDER', text: ({ spec }) => spec.provider },
    {
      heading: 'BUCKET/PREFIX',
      text: ({ spec: { objectStorage } }) => [objectStorage.bucket, objectStorage.prefix].filter(Boolean).join('/'),
    },
    { heading: 'PHASE', text: ({ status }) => status?.phase ?? 'Unknown' },
    { heading: 'LAST VALIDATED', text: ({ status }) => status?.lastValidationTime ?? 'Unknown' },
    { heading: 'ACCESS MODE', text: ({ spec }) => spec.accessMode || 'ReadWrite' },
    { heading: 'DEFAULT', text: ({ spec }) => (spec.default === true ? 'true' : '') },
    { heading: 'MESSAGE', wide: true, text: ({ status }) => status?.message ?? '' },
  ]
}

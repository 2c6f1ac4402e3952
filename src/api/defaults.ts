/** What Velero's server fills in where neither the object nor a flag of the server says otherwise. Durations are Go durations. */
export const veleroDefaults = {
  namespace: 'velero',
  storageLocation: 'default',
  includedNamespaces: ['*'],
  backupTtl: '720h0m0s',
  csiSnapshotTimeout: '10m0s',
  itemOperationTimeout: '4h0m0s',
  hookTimeout: '30s',
  volumeGroupSnapshotLabelKey: 'velero.io/volume-group',
  backupFormatVersion: '1.1.0',
} as const

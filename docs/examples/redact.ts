// Keeps what Secrets hold out of a backup: those with the label example.com/redact=true are stored with empty values, and those
// that Helm keeps its history in are left out.
import type { BackupItemAction, Plugin } from 'lifeboat/plugin'

const redact: BackupItemAction = {
  name: 'example.com/redact',
  appliesTo: { includedResources: ['secrets'], labelSelector: 'example.com/redact=true' },
  execute(secret) {
    const { data = {} } = secret as { data?: Record<string, string> }
    const annotations = { ...secret.metadata.annotations, 'example.com/redacted': Object.keys(data).join(',') }
    const emptied = Object.fromEntries(Object.keys(data).map((key) => [key, '']))
    return { item: { ...secret, metadata: { ...secret.metadata, annotations }, data: emptied } }
  },
}

const leaveHelm: BackupItemAction = {
  name: 'example.com/leave-helm',
  appliesTo: { includedResources: ['secrets'], labelSelector: 'owner=helm' },
  execute: () => ({ skip: true }),
}

export default { backupItemActions: [redact, leaveHelm] } satisfies Plugin

// One file per kind: gather what is there, decide purely, act. This room knows phases and custom resources; how a backup
// or a restore is made it leaves to backup/ and restore/, how the loop turns to runtime/.
import { BackupStorageLocations, type BackupStorageLocation } from '#api/backup-storage-location.ts'
import type { KubeClient } from '#kube/client.ts'
import { storeFromLocation } from '#store/location.ts'
import { StoreError, type ObjectStore } from '#store/store.ts'
import { secretBytes } from './location-secret.ts'

/** Opens the stores behind backup locations. */
export interface LocationStores {
  /** Rejects with StoreError; 'invalid' when the location or its Secret is not there or makes no sense. The caller closes it. `signal` ends every request of the store. */
  open(location: BackupStorageLocation, options?: { signal?: AbortSignal }): Promise<ObjectStore>
  openNamed(name: string): Promise<ObjectStore>
}

/** Stores of the locations in `namespace`, with the credentials their Secrets hold. */
export function locationStores(
  kube: KubeClient,
  options: { namespace: string; env: Readonly<Record<string, string | undefined>> },
): LocationStores {
  const { namespace, env } = options
  const open: LocationStores['open'] = async (location, { signal } = {}) => {
    const { name } = location.metadata
    const { credential, objectStorage, config = {} } = location.spec
    const { caCert, caCertRef } = objectStorage
    if (caCert !== undefined && caCertRef !== undefined) {
      throw new StoreError('invalid', `backup location "${name}" sets both caCert and caCertRef: keep one of them`)
    }
    const held = (what: string, reference: { name: string; key: string }): Promise<Buffer> =>
      secretBytes(kube, { namespace, what: `${what} of backup location "${name}"`, reference })
    const authority = caCertRef ? await held('caCertRef', caCertRef) : caCert && Buffer.from(caCert, 'base64')
    const customerKey = secretReference(config['customerKeyEncryptionSecret'])
    return await storeFromLocation(location.spec, {
      env,
      credentials: credential && (await held('credential', credential)).toString(),
      caCert: authority ? authority.toString() : undefined,
      customerKey: customerKey && (await held('config.customerKeyEncryptionSecret', customerKey)),
      signal,
    })
  }
  return {
    open,
    async openNamed(name) {
      // Without a name the whole collection would come back.
      const location = name === '' ? undefined : await kube.find(BackupStorageLocations, name, { namespace })
      if (location === undefined)
        throw new StoreError('invalid', `backup location "${name}" is not in namespace ${namespace}`)
      return await open(location)
    },
  }
}

/** `name/key`, as Velero's plugin for AWS writes it. */
function secretReference(text: string | undefined): { name: string; key: string } | undefined {
  if (!text) return undefined
  const [name = '', key = '', ...rest] = text.split('/')
  if (name !== '' && key !== '' && rest.length === 0) return { name, key }
  throw new StoreError('invalid', `config.customerKeyEncryptionSecret is "${text}": write SECRET/KEY`)
}

import { VolumeSnapshotLocations, type VolumeSnapshotLocation } from '#api/volume-snapshot-location.ts'
import type { KubeClient } from '#kube/client.ts'
import { KubeError } from '#kube/error.ts'
import { StoreError } from '#store/store.ts'
import { ebsSnapshotter } from '#volumes/ebs.ts'
import { SnapshotError, type OpenSnapshotter } from '#volumes/snapshotter.ts'
import { secretBytes } from './location-secret.ts'

/** `eu-west-1a=us-east-1b,…`: which zone takes the place of which when volumes are made again. Velero does not know it. */
export const zonesAnnotation = 'lifeboat.dev/zones'

/** The region to which each snapshot is copied, and the key of KMS for the copies; and the key with which volumes are made again. */
const copyRegionAnnotation = 'lifeboat.dev/copy-to-region'
const copyKeyAnnotation = 'lifeboat.dev/copy-kms-key'
const keyAnnotation = 'lifeboat.dev/kms-key'

export interface SnapshotLocationOptions {
  readonly namespace: string
  readonly env: Readonly<Record<string, string | undefined>>
}

/** Opens VolumeSnapshotLocations of `namespace`, each with the credentials its Secret holds. */
export function snapshotLocations(kube: KubeClient, { namespace, env }: SnapshotLocationOptions): OpenSnapshotter {
  return async (name) => {
    const what = `volume snapshot location "${name}"`
    const location = await find(kube, name, namespace)
    if (location === undefined) {
      throw new SnapshotError(
        'invalid',
        `${what} is not in namespace ${namespace}: make it with \`lifeboat snapshot-location create\``,
      )
    }
    const { provider, config = {}, credential } = location.spec
    if (provider !== 'aws' && provider !== 'velero.io/aws') {
      throw new SnapshotError(
        'invalid',
        `${what} is of provider ${JSON.stringify(provider)}, which is not known here: use velero.io/aws`,
      )
    }
    try {
      const reference = credential && { namespace, what: `credential of ${what}`, reference: credential }
      const credentials = reference && (await secretBytes(kube, reference)).toString()
      const { annotations = {} } = location.metadata
      const zones = zonesIn(annotations[zonesAnnotation])
      const copy = copyIn(annotations, config['region'])
      const kmsKeyId = annotations[keyAnnotation] || undefined
      return await ebsSnapshotter({ config, credentials, zones, copy, kmsKeyId, env })
    } catch (error) {
      if (error instanceof StoreError) throw new SnapshotError('invalid', error.message, { cause: error })
      if (!(error instanceof SnapshotError)) throw error
      throw new SnapshotError(error.problem, `${what}: ${error.message}`, { cause: error })
    }
  }
}

/** Undefined as well where nobody has installed the type. */
async function find(kube: KubeClient, name: string, namespace: string): Promise<VolumeSnapshotLocation | undefined> {
  // Without a name the whole collection would come back.
  if (name === '') return undefined
  try {
    return await kube.find(VolumeSnapshotLocations, name, { namespace })
  } catch (error) {
    if (error instanceof KubeError && error.problem === 'not-found') return undefined
    throw error
  }
}

function copyIn(
  annotations: Readonly<Record<string, string>>,
  own: string | undefined,
): { region: string; kmsKeyId: string | undefined } | undefined {
  const { [copyRegionAnnotation]: region, [copyKeyAnnotation]: kmsKeyId } = annotations
  if (region && region !== own) return { region, kmsKeyId: kmsKeyId || undefined }
  if (!region && !kmsKeyId) return undefined
  const problem = region ? `names ${region}, where the snapshots are already` : `is missing beside ${copyKeyAnnotation}`
  throw new SnapshotError('invalid', `annotation ${copyRegionAnnotation} ${problem}: name another region`)
}

function zonesIn(text: string | undefined): Record<string, string> {
  const pairs = (text ?? '')
    .split(',')
    .map((pair) => pair.trim())
    .filter((pair) => pair !== '')
  return Object.fromEntries(
    pairs.map((pair) => {
      const [from = '', to = '', ...rest] = pair.split('=').map((part) => part.trim())
      if (from !== '' && to !== '' && rest.length === 0) return [from, to]
      throw new SnapshotError(
        'invalid',
        `annotation ${zonesAnnotation} has "${pair}": write OLD-ZONE=NEW-ZONE, with commas between`,
      )
    }),
  )
}

import { BackupStorageLocations } from '#api/backup-storage-location.ts'
import { command } from '../command.ts'
import { installationFlags, openCluster, serverNamespace } from '../connection.ts'
import { print, type CliContext } from '../context.ts'
import { OK, USAGE, UserError } from '../exit.ts'
import { choice, text, toggle, type FlagValues } from '../flag.ts'
import { installed } from '../server-door.ts'
import { accessModes, caCertOf, credentialFlag, credentialOf, refuseSecondDefault } from './location-fields.ts'

const flags = {
  ...installationFlags,
  default: toggle('make it the location of backups that name none; =false takes that away from it'),
  credential: credentialFlag,
  cacert: text('file with the CA certificates of the store; "" for none', { metavar: 'FILE' }),
  'access-mode': choice('whether backups may be written', accessModes),
}
type Given = FlagValues<typeof flags>

export const locationSet = command({
  path: ['backup-location', 'set'],
  summary: 'Change a store for backups; what is not named stays as it is',
  args: '<name>',
  flags,
  examples: [
    'lifeboat backup-location set default --access-mode ReadOnly',
    'lifeboat backup-location set default --credential cloud-credentials=cloud --cacert ca.pem',
  ],
  async run({ args, flags: given, context }) {
    const [name = ''] = args
    const spec = await changeFrom(given, context)
    if (Object.keys(spec).length === 0) {
      throw new UserError('say what to change: --default, --credential, --cacert or --access-mode', { exitCode: USAGE })
    }
    const kube = await openCluster(context, given)
    const namespace = serverNamespace(context, given)
    try {
      await installed(BackupStorageLocations, async () => {
        if (given.default === true) await refuseSecondDefault(kube, { name, namespace })
        const scope = { namespace, signal: context.signal }
        await kube.patch(BackupStorageLocations, name, { merge: { spec } }, scope)
      })
    } finally {
      await kube.close()
    }
    print(context, `Backup storage location "${name}" configured successfully.`)
    return OK
  },
})

/** A merge patch of the spec. */
async function changeFrom(given: Given, context: CliContext): Promise<object> {
  const { cacert } = given
  const caCert = cacert === undefined || cacert === '' ? null : await caCertOf(cacert, context)
  return {
    ...(given.default === undefined ? {} : { default: given.default }),
    ...(given.credential === undefined ? {} : { credential: credentialOf(given.credential) }),
    ...(given['access-mode'] === undefined ? {} : { accessMode: given['access-mode'] }),
    // A certificate in a Secret and one in the location exclude each other.
    ...(cacert === undefined ? {} : { objectStorage: { caCert, caCertRef: null } }),
  }
}

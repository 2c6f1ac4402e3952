import { resolve } from 'node:path'
import { command } from '../command.ts'
import { doorFlags, openDoor, patientDownloadFlags } from '../connection.ts'
import { print } from '../context.ts'
import { OK, UserError } from '../exit.ts'
import { text, toggle } from '../flag.ts'
import { saveFile } from '../save-file.ts'
import { formatBytes } from '../units.ts'
import { backupNamed } from './backup-get.ts'

export const backupDownload = command({
  path: ['backup', 'download'],
  summary: 'Save the archive of a backup as a .tar.gz file',
  args: '<name>',
  flags: {
    ...doorFlags,
    ...patientDownloadFlags,
    output: text('file to write (default NAME-data.tar.gz)', { short: 'o', metavar: 'FILE' }),
    force: toggle('overwrite an existing file'),
  },
  async run({ args, flags, context }) {
    const [name = ''] = args
    const path = resolve(context.cwd, flags.output ?? `${name}-data.tar.gz`)
    await using door = await openDoor(context, flags)
    await backupNamed(door, name)
    const archive = await door.backupArtifact(name, 'contents')
    if (archive === undefined) throw new UserError(`backup "${name}" has no archive in ${door.place}`)
    const size = await saveFile(archive, path, { overwrite: flags.force ?? false, signal: context.signal })
    print(context, `Backup ${name} saved to ${path} (${formatBytes(size)})`)
    return OK
  },
})

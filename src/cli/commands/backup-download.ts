import { open, rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import { command } from '../command.ts'
import { doorFlags, openDoor, patientDownloadFlags } from '../connection.ts'
import { print } from '../context.ts'
import { OK, UserError } from '../exit.ts'
import { text, toggle } from '../flag.ts'
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
    const size = await save(archive, path, { overwrite: flags.force ?? false, signal: context.signal })
    print(context, `Backup ${name} saved to ${path} (${formatBytes(size)})`)
    return OK
  },
})

/** Writes all of `bytes` or leaves no file. Mode 0600: archives hold Secrets. */
async function save(
  bytes: AsyncIterable<Uint8Array>,
  path: string,
  options: { overwrite: boolean; signal: AbortSignal },
): Promise<number> {
  const file = await open(path, options.overwrite ? 'w' : 'wx', 0o600).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EEXIST')
      throw new UserError(`${path} exists; choose another with -o or overwrite it with --force`)
    throw new UserError(`cannot write ${path}: ${error.message}`, { cause: error })
  })
  let size = 0
  try {
    for await (const chunk of bytes) {
      options.signal.throwIfAborted()
      await file.write(chunk)
      size += chunk.byteLength
    }
    await file.close()
    return size
  } catch (error) {
    await file.close().catch(() => undefined)
    await rm(path, { force: true })
    throw error
  }
}

import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { Writable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { tarWriter } from '#archive/tar-writer.ts'
import { command, type Command } from '../command.ts'
import { downloadFlags, installationFlags, openCluster, serverNamespace } from '../connection.ts'
import { print, type CliContext } from '../context.ts'
import { debugFiles, type DebugFiles } from '../debug-files.ts'
import { explain, OK, UserError } from '../exit.ts'
import { text, toggle, type FlagValues } from '../flag.ts'
import { formatBytes } from '../units.ts'
import { backupDescribe } from './backup-describe.ts'
import { backupLogs } from './backup-logs.ts'
import { restoreDescribe } from './restore-describe.ts'
import { restoreLogs } from './restore-logs.ts'
import { version } from './version.ts'

const flags = {
  ...installationFlags,
  ...downloadFlags,
  output: text('file to write (default bundle-DATE.tar.gz)', { metavar: 'FILE' }),
  backup: text('a backup whose description and log go in too', { metavar: 'NAME' }),
  restore: text('a restore whose description and log go in too', { metavar: 'NAME' }),
  verbose: toggle('without effect', { hidden: true }),
}
type Given = FlagValues<typeof flags>

export const debug = command({
  path: ['debug'],
  summary: 'Write everything that helps to find a fault into one file; it holds no Secrets',
  flags,
  examples: ['lifeboat debug', 'lifeboat debug --backup nightly-20261127023000 --output ./for-support.tar.gz'],
  async run({ flags: given, context }) {
    const path = resolve(context.cwd, given.output ?? `bundle-${dateText(context.now())}.tar.gz`)
    const namespace = serverNamespace(context, given)
    const files = await filesOf(namespace, given, context)
    await addAnswers(files, given, context)
    const bundle = gzipSync(tarOf(files, context.now()))
    // Logs and descriptions name what a cluster has: nobody else on this machine need know.
    await writeFile(path, bundle, { mode: 0o600, flag: 'wx' }).catch((error: Error) => {
      throw new UserError(`cannot write ${path}: ${error.message}`, { cause: error })
    })
    print(context, `${files.size} files (${formatBytes(bundle.length)}) in ${path}`)
    return OK
  },
})

async function filesOf(namespace: string, given: Given, context: CliContext): Promise<DebugFiles> {
  const kube = await openCluster(context, given)
  try {
    return await debugFiles(kube, { namespace, signal: context.signal })
  } finally {
    await kube.close()
  }
}

/** What other commands say: the files that Velero's client makes, under its names (spec/cli.md §11). */
async function addAnswers(files: DebugFiles, given: Given, context: CliContext): Promise<void> {
  const { backup, restore } = given
  const ask = async (file: string, command: Command, args: string[], more: object = {}): Promise<void> => {
    files.set(file, await answerOf(command, { args, flags: { ...given, output: undefined, ...more } }, context))
  }
  await ask('version.txt', version, [])
  if (backup !== undefined) {
    await ask(`backup_describe_${backup}.txt`, backupDescribe, [backup], { details: true })
    await ask(`backup_${backup}.log`, backupLogs, [backup])
  }
  if (restore !== undefined) {
    await ask(`restore_describe_${restore}.txt`, restoreDescribe, [restore], { details: true })
    await ask(`restore_${restore}.log`, restoreLogs, [restore])
  }
}

/** All that a command says, also when it fails. */
async function answerOf(
  command: Command,
  input: { args: string[]; flags: Record<string, unknown> },
  context: CliContext,
): Promise<string> {
  let said = ''
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      said += chunk.toString()
      done()
    },
  })
  try {
    await command.run({ ...input, context: { ...context, stdout: stream, stderr: stream, colorized: false } })
  } catch (error) {
    context.signal.throwIfAborted()
    said += `error: ${explain(error, false).text}\n`
  }
  return said
}

function tarOf(files: DebugFiles, now: Date): Uint8Array {
  const tar = tarWriter({ mtime: Math.floor(now.getTime() / 1000) })
  for (const [path, text] of files) {
    const bytes = Buffer.from(text)
    tar.add([path], { size: bytes.length, copyTo: (target, at) => target.set(bytes, at) })
  }
  tar.end()
  return tar.take()
}

/** `2026-11-28-04-10-00` */
function dateText(now: Date): string {
  return now.toISOString().slice(0, 19).replaceAll(/[T:]/g, '-')
}

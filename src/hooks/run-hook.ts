import type { KubeClient } from '#kube/client.ts'
import { ExecError, type ExecOutput } from '#kube/exec.ts'
import type { Hook, PodRef } from './hook.ts'

/** Where hooks write what they do and what the commands said. */
export interface HookLog {
  info(message: string, fields?: HookFields): void
  error(message: string, fields?: HookFields): void
}

type HookFields = Record<string, string | undefined>

/** What a hook is run with. */
export interface HookRun {
  readonly kube: KubeClient
  readonly log: HookLog
  /** When in the course of things: `pre`, `post`. */
  readonly phase: string
  readonly signal?: AbortSignal | undefined
}

/** Runs one hook and puts its output into the log. Gives why it failed; rejects only with the signal's reason. */
export async function runHook(pod: PodRef, hook: Hook, run: HookRun): Promise<string | undefined> {
  const { kube, log, phase, signal } = run
  const { namespace, name } = pod
  const { container, command, timeoutMillis } = hook
  const fields = { resource: 'pods', namespace, name, hookPhase: phase, hookSource: hook.source, hookName: hook.name }
  const failed = (reason: string): string => {
    log.error('Error executing hook', { ...fields, error: reason })
    return reason
  }
  if (hook.problem !== undefined) return failed(hook.problem)
  if (command.length === 0) return failed('the command is empty')
  log.info('Running hook', { ...fields, container, command: JSON.stringify(command) })
  const say = ({ stdout, stderr }: ExecOutput): void => {
    if (stdout !== '') log.info(`stdout: ${stdout}`, fields)
    if (stderr !== '') log.info(`stderr: ${stderr}`, fields)
  }
  try {
    const end = await kube.exec(name, { namespace, container, command, timeoutMillis, signal })
    say(end)
    return end.exitCode === 0 ? undefined : failed(`command terminated with exit code ${end.exitCode}`)
  } catch (error) {
    if (error instanceof ExecError) say(error.output)
    signal?.throwIfAborted()
    return failed(error instanceof Error ? error.message : String(error))
  }
}

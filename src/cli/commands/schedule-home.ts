import { Schedules, type Schedule } from '#api/schedule.ts'
import type { KubeClient } from '#kube/client.ts'
import type { LabelSelector } from '#api/fields.ts'
import { formatSelector } from '#selection/label-selector.ts'
import { assertOneChoice } from '../chosen.ts'
import { doorFlags, openCluster, serverNamespace } from '../connection.ts'
import type { CliContext } from '../context.ts'
import { USAGE, UserError } from '../exit.ts'
import { selector, toggle, type FlagValues } from '../flag.ts'
import { installed } from '../server-door.ts'
import { firstFew } from './backup-get.ts'

/** Where schedules are: the custom resources that a server acts on. */
export interface ScheduleHome extends AsyncDisposable {
  readonly kube: KubeClient
  readonly namespace: string
  all(labels?: LabelSelector): Promise<Schedule[]>
  /** UserError that lists what there is when it is not there. */
  named(name: string): Promise<Schedule>
}

/** Flags of every command on schedules. `--store` is among them so that it can be answered. */
export const scheduleFlags = doorFlags

/** Connects to the cluster. UserError where a store is named: nobody is there who would make backups by the clock. */
export async function openSchedules(
  context: CliContext,
  flags: FlagValues<typeof scheduleFlags>,
): Promise<ScheduleHome> {
  refuseStore(context, flags)
  const { signal } = context
  const namespace = serverNamespace(context, flags)
  const kube = await openCluster(context, flags)
  const all = async (labels?: LabelSelector): Promise<Schedule[]> =>
    await installed(Schedules, async () => {
      const found: Schedule[] = []
      const labelSelector = labels && formatSelector(labels)
      for await (const { items } of kube.pages(Schedules, { namespace, labelSelector, signal })) found.push(...items)
      return found
    })
  return {
    kube,
    namespace,
    all,
    async named(name) {
      const schedule = await installed(Schedules, () => kube.find(Schedules, name, { namespace, signal }))
      if (schedule !== undefined) return schedule
      const others = (await all()).map(({ metadata }) => metadata.name)
      const hint = others.length === 0 ? 'there are no schedules' : `there are: ${firstFew(others)}`
      throw new UserError(`no schedule "${name}" in namespace ${namespace}; ${hint}`)
    },
    [Symbol.asyncDispose]: () => kube.close(),
  }
}

/** Says that a store has no schedules, whichever way it was named. */
export function refuseStore({ env }: CliContext, flags: FlagValues<typeof scheduleFlags>): void {
  const way = flags.store === undefined ? env['LIFEBOAT_STORE'] && 'unset LIFEBOAT_STORE' : 'leave out --store'
  if (!way) return
  throw new UserError(
    `a store has no schedules: they are objects of a cluster, and a server makes their backups. To work there, ${way}; ` +
      'without a server let cron run: lifeboat --store URL backup create NAME',
    { exitCode: USAGE },
  )
}

/** Flags of commands that change schedules. */
export const chosenFlags = {
  all: toggle('every schedule'),
  selector: selector('the schedules with these labels', { short: 'l' }),
}

/** The schedules that exactly one of names, `--all` and `--selector` chooses. */
export async function chosenSchedules(
  home: ScheduleHome,
  names: readonly string[],
  flags: FlagValues<typeof chosenFlags>,
): Promise<Schedule[]> {
  assertOneChoice(names, flags)
  return names.length > 0 ? await Promise.all(names.map((name) => home.named(name))) : await home.all(flags.selector)
}

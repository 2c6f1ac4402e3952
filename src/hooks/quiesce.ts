import { annotationKeys } from '#api/labels.ts'
import type { KubeObject } from '#kube/object.ts'
import type { PodHooks } from './backup-hooks.ts'
import { chosenContainer, type Container, containersOf, fromAnnotation, type Hook } from './hook.ts'

/** What stands for the hooks of one kind of application: shell commands, so that the image's own variables are there. */
interface Recipe {
  readonly pre: string
  readonly post?: string
}

/** A lock that nobody takes back ends by itself after so many seconds. */
const LONGEST_LOCK_SECONDS = 300

/** docs/hooks.md says what each is good for, and what it cannot do. */
const recipes: Readonly<Record<string, Recipe>> = {
  postgres: {
    pre: `PGPASSWORD="\${PGPASSWORD:-$POSTGRES_PASSWORD}" psql -w -q -v ON_ERROR_STOP=1 -U "\${POSTGRES_USER:-postgres}" -d "\${POSTGRES_DB:-\${POSTGRES_USER:-postgres}}" -c CHECKPOINT`,
  },
  mysql: {
    pre: mysqlLock(),
    post: `kill "$(cat /tmp/lifeboat-quiesce.pid)" && rm -f /tmp/lifeboat-quiesce.pid /tmp/lifeboat-quiesce.log`,
  },
  mongodb: mongoLock(),
  redis: {
    pre: [
      `if [ -z "$REDISCLI_AUTH" ] && [ -n "$REDIS_PASSWORD" ]; then export REDISCLI_AUTH="$REDIS_PASSWORD"; fi`,
      // SAVE is refused while a save goes on in the background; the exit code is 0 all the same.
      `i=0; until said=$(redis-cli SAVE) && [ "$said" = OK ]; do i=$((i+1)); if [ $i -gt 20 ]; then echo "$said" >&2; exit 1; fi; sleep 1; done`,
    ].join('; '),
  },
}

/** Every value that the annotation may have. */
export const quiescable: readonly string[] = [...Object.keys(recipes), 'fsfreeze']

/** The hooks that `lifeboat.dev/quiesce` on a pod stands for. One that fails leaves the pod in the backup: its data are then as after a crash. */
export function quiesceHooks(pod: KubeObject): PodHooks {
  const { annotations = {} } = pod.metadata
  const what = annotations[annotationKeys.quiesce] ?? ''
  const asked = annotations[annotationKeys.quiesceContainer]
  if (what === 'fsfreeze') return frozenFileSystems(pod, asked)
  const recipe = Object.hasOwn(recipes, what) ? recipes[what] : undefined
  if (recipe === undefined) {
    const problem = `${annotationKeys.quiesce} is ${what}; it can be ${quiescable.join(', ')}`
    return { pre: [{ ...hook(pod, asked, []), problem }], post: [] }
  }
  const shell = (script: string): Hook => hook(pod, asked, ['sh', '-c', script])
  return { pre: [shell(recipe.pre)], post: recipe.post === undefined ? [] : [shell(recipe.post)] }
}

/** Freezes the file system of each claim that the container can write to, once. */
function frozenFileSystems(pod: KubeObject, asked: string | undefined): PodHooks {
  const claimed = claimVolumes(pod)
  const paths = ({ volumeMounts = [] }: Container): string[] => {
    const byVolume = new Map<string, string>()
    for (const { name, mountPath, readOnly } of volumeMounts) {
      if (claimed.has(name) && readOnly !== true && !byVolume.has(name)) byVolume.set(name, mountPath)
    }
    return [...byVolume.values()]
  }
  const containers = containersOf(pod)
  const chosen = containers.find((one) => (asked ? one.name === asked : paths(one).length > 0))
  const found = chosen === undefined ? [] : paths(chosen)
  const container = asked || chosen?.name
  if (found.length === 0) {
    const problem = 'there is no volume of a claim that the container can write to, so nothing to freeze'
    return { pre: [{ problem, ...hook(pod, container, []) }], post: [] }
  }
  const each = (option: string): Hook[] => found.map((path) => hook(pod, container, ['fsfreeze', option, path]))
  return { pre: each('--freeze'), post: each('--unfreeze') }
}

function hook(pod: KubeObject, container: string | undefined, command: readonly string[]): Hook {
  const place = chosenContainer(pod, container)
  return { source: 'quiesce', name: fromAnnotation, ...place, command, onError: 'Continue', timeoutMillis: 60_000 }
}

function claimVolumes(pod: KubeObject): Set<string> {
  const { spec } = pod as { spec?: { volumes?: Record<string, unknown>[] | null } | null }
  const claims = (spec?.volumes ?? []).filter((one) => one['persistentVolumeClaim'] ?? one['ephemeral'])
  return new Set(claims.map(({ name }) => String(name)))
}

/**
 * The lock lives as long as the session that took it, so the session is kept waiting for a `sleep`; when that is killed, the session
 * ends and the lock is gone at once.
 */
function mysqlLock(): string {
  const password = `MYSQL_PWD="\${MYSQL_PWD:-\${MYSQL_ROOT_PASSWORD:-$MARIADB_ROOT_PASSWORD}}"`
  return [
    `log=/tmp/lifeboat-quiesce.log; pid=/tmp/lifeboat-quiesce.pid; rm -f $log $pid`,
    `client=mysql; command -v mysql >/dev/null || client=mariadb`,
    `export ${password}`,
    // Nothing of it may hold on to the output of this shell, or the hook would not end before it does.
    `{ { echo "FLUSH TABLES WITH READ LOCK; SELECT 'locked';"; sleep ${LONGEST_LOCK_SECONDS} & echo $! > $pid; wait; } | "$client" -u root -N -n; } >$log 2>&1 </dev/null &`,
    `i=0; until grep -q locked $log 2>/dev/null; do i=$((i+1)); if [ $i -gt 50 ] || grep -q ERROR $log 2>/dev/null; then cat $log >&2; kill "$(cat $pid)"; exit 1; fi; sleep 1; done`,
  ].join('\n')
}

/**
 * Locks are counted, and one lasts until somebody takes it back. So the hook takes back all there are, also those of a backup whose server died; and a shell that
 * waits beside the database does when nobody else has. It waits from before the lock, which may come when nobody waits for the hook any more.
 */
function mongoLock(): Required<Recipe> {
  const login = `\${MONGO_INITDB_ROOT_USERNAME:+-u "$MONGO_INITDB_ROOT_USERNAME" -p "$MONGO_INITDB_ROOT_PASSWORD" --authenticationDatabase admin}`
  const run = (script: string): string => `"$shell" --quiet ${login} --eval '${script}'`
  const unlock = run('do { end = db.fsyncUnlock(); if (end.ok != 1) quit(1) } while (end.lockCount > 0)')
  const names = `pid=/tmp/lifeboat-quiesce.pid; shell=mongosh; command -v mongosh >/dev/null || shell=mongo`
  const dismiss = `[ ! -e $pid ] || kill "$(cat $pid)" 2>/dev/null; rm -f $pid`
  return {
    pre: [
      names,
      dismiss,
      `{ sleep ${LONGEST_LOCK_SECONDS}; ${unlock}; } >/dev/null 2>&1 </dev/null & echo $! >$pid`,
      run('if (db.fsyncLock().ok != 1) quit(1)'),
    ].join('\n'),
    post: [names, `${unlock} || exit 1`, dismiss].join('\n'),
  }
}

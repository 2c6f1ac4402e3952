import { ensureControlPlane, ensureNode, findAsset, type AssetProgress, type NodeAssets } from '#sandbox/assets.ts'
import type { ControlPlaneAssets } from '#sandbox/control-plane.ts'
import { note, type CliContext } from '../context.ts'
import { CLEAR_LINE } from '../progress-line.ts'
import { formatMillis } from '../units.ts'

/** Gets hold of the control plane's programs and shows what is built meanwhile, on standard error. */
export async function prepareAssets(context: CliContext): Promise<ControlPlaneAssets> {
  const { env, signal } = context
  if ((await findAsset('kube-apiserver', env)) === undefined) {
    note(
      context,
      'The first time, Kubernetes’ programs are built from source through Go and kept in the cache (several minutes).',
    )
  }
  const report = assetReporter(context.stderr, { live: context.terminal.stderr })
  try {
    return await ensureControlPlane({ env, signal, progress: (event) => report.show(event) })
  } finally {
    report.end()
  }
}

/** Gets hold of a node's programs, as `prepareAssets` of the control plane's. */
export async function prepareNodeAssets(context: CliContext): Promise<NodeAssets> {
  const { env, signal } = context
  const report = assetReporter(context.stderr, { live: context.terminal.stderr })
  try {
    return await ensureNode({
      env,
      signal,
      progress: (event) => report.show(event),
      fetching: ({ packages }) =>
        note(context, `Fetching ${packages.join(', ')} into the cache; nothing is installed.`),
    })
  } finally {
    report.end()
  }
}

const PLAIN_EVERY_MS = 15_000

/** Shows builds on `stream`: live in one line that is rewritten, otherwise in a line per step and every quarter of a minute. */
export function assetReporter(
  stream: { write(text: string): unknown },
  { live }: { live: boolean },
): { show(event: AssetProgress): void; end(): void } {
  let last = { step: '', elapsedMs: 0 }
  return {
    show(event) {
      const line = describeAsset(event)
      const step = `${event.asset} ${event.step}`
      if (live) stream.write(`${CLEAR_LINE}${line}${event.step === 'built' ? '\n' : ''}`)
      else if (step !== last.step || event.elapsedMs - last.elapsedMs >= PLAIN_EVERY_MS) stream.write(`${line}\n`)
      else return
      last = { step, elapsedMs: event.elapsedMs }
    },
    end() {
      if (live) stream.write(CLEAR_LINE)
    },
  }
}

/** `kube-apiserver v1.36.3: compiled 812 of 1640 packages, 42 s, about 1m50s left`. */
export function describeAsset(event: AssetProgress): string {
  const name = `${event.asset} ${event.version}`
  if (event.step === 'waiting')
    return `${name}: process ${event.holder} is building it, ${formatMillis(event.elapsedMs)}`
  if (event.step === 'built') return `${name}: built in ${formatMillis(event.elapsedMs)}`
  if (event.step === 'fetching') return `${name}: fetching its source, ${formatMillis(event.elapsedMs)}`
  const { compiled, packages, remainingMs } = event
  return `${name}: compiled ${compiled} of ${packages} packages, ${formatMillis(event.elapsedMs)}, about ${formatMillis(remainingMs)} left`
}

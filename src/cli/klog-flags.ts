import { text, toggle } from './flag.ts'

const looks = { hidden: true }
const passedOver = "for Velero's client; changes nothing here"

/** The logging flags that Velero's client takes with every command (spec/cli.md §1.1): taken, so that scripts run, and without effect. */
export const klogFlags = {
  add_dir_header: toggle(passedOver, looks),
  alsologtostderr: toggle(passedOver, looks),
  log_backtrace_at: text(passedOver, looks),
  log_dir: text(passedOver, looks),
  log_file: text(passedOver, looks),
  log_file_max_size: text(passedOver, looks),
  logtostderr: toggle(passedOver, looks),
  one_output: toggle(passedOver, looks),
  skip_headers: toggle(passedOver, looks),
  skip_log_headers: toggle(passedOver, looks),
  stderrthreshold: text(passedOver, looks),
  v: text(passedOver, { ...looks, short: 'v' }),
  vmodule: text(passedOver, looks),
}

/** As `klogFlags`, with those that say which cluster: for commands that ask none. */
export const passedOverFlags = {
  ...klogFlags,
  kubeconfig: text(passedOver, looks),
  kubecontext: text(passedOver, looks),
  namespace: text(passedOver, { ...looks, short: 'n' }),
  features: text(passedOver, looks),
  colorized: toggle(passedOver, looks),
}

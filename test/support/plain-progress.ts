import type { AssetProgress } from '#sandbox/assets.ts'
import { assetReporter } from '#cli/commands/asset-progress.ts'

/** Tells the progress of builds on standard error in plain lines. */
export function plainProgress(): (event: AssetProgress) => void {
  const report = assetReporter(process.stderr, { live: false })
  return (event) => report.show(event)
}

// The process of the demo with volumes. It is no command of the released program: the CSI driver behind it is that of the tests
// (docs/decisions/0047-demo-with-volumes.md).
import packageJson from '../../package.json' with { type: 'json' }
import { runMain } from '#cli/process.ts'
import { volumeDemo } from './story.ts'

await runMain(packageJson.version, [volumeDemo])

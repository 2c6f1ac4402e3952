import { evened, evenedObject } from './velero-tree.ts'

/** One command, and what of its answer is the same whichever server works behind it. */
export interface TreeStep {
  readonly args: readonly string[]
  /** The command is given again until its answer fits. */
  readonly until?: RegExp | undefined
  /** The command has to fail; what it says then is its answer. */
  readonly fails?: boolean | undefined
  /** From the answer, what is compared. */
  readonly reads: (answer: string, words: Readonly<Record<string, string>>) => unknown
}

type Rest = Partial<Omit<TreeStep, 'args'>>

const step = (line: string, rest: Rest = {}): TreeStep => ({ args: line.split(' '), reads: evened, ...rest })

/** A location, by its own words for where it is. */
export interface Place {
  /** Flags of `backup-location create`. */
  readonly flags: string
}

/** Logs say the same in words of their own: here, that they are about the right thing. */
const logged = (about: string) => (answer: string) => {
  const lines = answer.trimEnd().split('\n')
  const odd = lines.filter((line) => !/^time="\S+" level=\w+ msg=/.test(line) || !line.includes(about))
  return { isEmpty: answer === '', odd }
}

const oneWord = (pattern: RegExp) => (answer: string) => pattern.exec(answer)?.[0].replaceAll(/ +/g, ' ') ?? answer

const client: TreeStep[] = [
  step('version --client-only'),
  step('client config set namespace=velero'),
  step('client config get'),
  step('version', { reads: (answer) => answer.replaceAll(/(?<=^Server:\s+Version: )\S+|^# WARNING.*$/gm, '').trim() }),
  step('plugin get', { reads: oneWord(/^NAME +KIND$/m) }),
  step('get plugins', { reads: oneWord(/velero\.io\/aws +ObjectStore/) }),
  step('repo get'),
]

const locations = ({ flags }: Place): TreeStep[] => [
  step(`backup-location create default ${flags} --default --backup-sync-period 1m --validation-frequency 30s`),
  step('backup-location get', { until: /Available/ }),
  step('backup-location get default -o json', { reads: evenedObject }),
  step('backup-location get --default'),
  step(`backup-location create frozen ${flags} --access-mode ReadOnly --labels kind=frozen`),
  step('backup-location get frozen', { until: /Available/ }),
  step(`backup-location create other ${flags} --default`, { fails: true }),
  step('backup-location create frozen --provider aws --bucket b', { fails: true }),
  step('backup-location get -l kind=frozen --show-labels'),
  step('backup-location set frozen --default', { fails: true }),
  step('backup-location set frozen --credential keys=cloud'),
  step('backup-location set default --default=false'),
  step('backup-location set default --default'),
  step('get backup-locations', { until: /default.*Available[^\n]*true[^]*frozen.*Available/ }),
  step('backup-location get nowhere', { fails: true }),
  step('snapshot-location create disks --provider aws --config region=us-east-1 --labels kind=disks'),
  step('snapshot-location set disks --credential keys=cloud'),
  step('snapshot-location get'),
  step('get snapshot-locations disks -o json', { reads: evenedObject }),
]

const backups: TreeStep[] = [
  step('backup create first --include-namespaces shop --labels team=web,tier=gold --ttl 24h --wait'),
  step('create backup second --include-namespaces shop --include-resources configmaps --selector app=web --wait'),
  step('backup create first', { fails: true }),
  step('backup create absent --storage-location nowhere', { fails: true }),
  step('backup create on-ice --storage-location frozen --wait'),
  step('backup create printed --include-namespaces shop -o yaml'),
  step('backup get', { until: /on-ice +FailedValidation/ }),
  step('get backups -l team=web -L tier'),
  step('backup get first -o json', { reads: evenedObject }),
  step('backup get nothing', { fails: true }),
  step('backup describe first'),
  step('backup describe first second on-ice --details'),
  step('describe backup first -o json'),
  step('backup logs first', { reads: logged('backup=velero/first') }),
  step('backup logs on-ice', { fails: true }),
  step('backup download first --output first.tar.gz'),
  step('backup download first --output first.tar.gz', { fails: true }),
  step('backup download first --output first.tar.gz --force'),
]

const schedules: TreeStep[] = [
  step('schedule create tide --schedule @every_1h --include-namespaces shop --ttl 48h --labels crew=night'),
  step('schedule get', { until: /Enabled/ }),
  step('get schedules tide -o json', { reads: evenedObject }),
  step('schedule describe tide'),
  step('backup create --from-schedule tide --wait'),
  step('backup get -l velero.io/schedule-name=tide --show-labels'),
  step('schedule pause tide'),
  step('schedule pause tide'),
  step('schedule get tide'),
  step('schedule unpause tide --skip-immediately=true'),
  step('schedule create odd --schedule 61_*_*_*_*'),
  step('schedule describe odd', {
    until: /FailedValidation/,
    reads: (answer, words) => evened(answer.replace(/(?<=invalid schedule: ).*/, 'why'), words),
  }),
  step('schedule delete odd --confirm'),
  step('describe schedules'),
]

const restores: TreeStep[] = [
  step('restore create back --from-backup first --namespace-mappings shop:shop-again --labels team=web --wait'),
  step('create restore --from-backup second --wait'),
  step('restore create third --from-schedule tide --namespace-mappings shop:shop-third --wait'),
  step('restore create back --from-backup first', { fails: true }),
  step('restore create lost --from-backup nothing', { fails: true }),
  step('restore create idle --from-schedule nothing', { fails: true }),
  step('restore get', { reads: (answer, words) => evened(answer, words).toSorted() }),
  step('get restores back -o json', { reads: evenedObject }),
  step('restore describe back'),
  step('describe restores back third --details'),
  step('restore logs back', { reads: logged('restore=velero/back') }),
  step('restore delete third --confirm'),
  step('restore get third', { fails: true, until: /not found/ }),
]

const deletions: TreeStep[] = [
  step('backup delete second --confirm', {
    reads: oneWord(/Request to delete backup "second" submitted successfully/),
  }),
  step('backup get second', { fails: true, until: /not found/ }),
  step('backup delete nothing --confirm'),
  step('schedule delete --all --confirm'),
  step('backup-location delete frozen --confirm'),
  step('backup-location get'),
  step('restore get back'),
  step('backup delete --all --confirm', { reads: (answer, words) => evened(answer, words).toSorted() }),
  step('get backups', { until: /^$/ }),
  step('get restores', { until: /^$/ }),
  step('uninstall --force', { reads: (answer, words) => evened(answer, words).at(-1) }),
]

/** What depends on where the files lie: the life of the backup `name` in a location of its own. */
export function placeSteps(name: string, { flags }: Place): TreeStep[] {
  return [
    step(`backup-location create at-${name} ${flags}`),
    step(`backup-location get at-${name}`, { until: /Available/, reads: oneWord(/Available|Unavailable/) }),
    step(`backup create ${name} --include-namespaces shop --storage-location at-${name} --wait`),
    step(`backup get ${name}`),
    step(`backup describe ${name} --details`),
    step(`backup logs ${name}`, { reads: logged(`backup=velero/${name}`) }),
    step(`backup download ${name} --output ${name}.tar.gz`),
    step(`restore create ${name}-r --from-backup ${name} --namespace-mappings shop:in-${name} --wait`),
    step(`restore describe ${name}-r --details`),
    step(`restore logs ${name}-r`, { reads: logged(`restore=velero/${name}-r`) }),
    step(`backup delete ${name} --confirm`, { reads: oneWord(/submitted successfully/) }),
    step(`backup get ${name}`, { fails: true, until: /not found/ }),
    step(`restore get ${name}-r`, { fails: true, until: /not found/ }),
    step(`backup-location delete at-${name} --confirm`),
  ]
}

/** Velero's command tree, but for what never speaks to a server (`bug`, `completion`) or needs pods (`debug`, `plugin add`), and for `lastSteps`. */
export function treeSteps(place: Place): TreeStep[] {
  return [...client, ...locations(place), ...backups, ...schedules, ...restores]
}

/** Deletes everything that `treeSteps` made, and the installation. */
export const lastSteps: readonly TreeStep[] = deletions

import type { KubeClient } from './client.ts'
import { KubeError } from './error.ts'

/**
 * A client of the same server through which nothing is written: every write is a server-side dry run (`dryRun=All`), judged by
 * validation and admission as a real one. Extension API servers may not know of dry runs: leave them alone. Closes with `kube`.
 */
export function dryRunClient(kube: KubeClient): KubeClient {
  return {
    server: kube.server,
    get: (...call) => kube.get(...call),
    find: (...call) => kube.find(...call),
    list: (...call) => kube.list(...call),
    pages: (...call) => kube.pages(...call),
    listRaw: (...call) => kube.listRaw(...call),
    pagesAfter: (...call) => kube.pagesAfter(...call),
    watch: (...call) => kube.watch(...call),
    podLog: (...call) => kube.podLog(...call),
    throughService: (...call) => kube.throughService(...call),
    create: (type, object, how) => kube.create(type, object, { ...how, dryRun: true }),
    createUnread: (type, object, how) => kube.createUnread(type, object, { ...how, dryRun: true }),
    replace: (type, object, how) => kube.replace(type, object, { ...how, dryRun: true }),
    patch: (type, name, patch, how) => kube.patch(type, name, patch, { ...how, dryRun: true }),
    apply: (type, object, how) => kube.apply(type, object, { ...how, dryRun: true }),
    delete: (type, name, how) => kube.delete(type, name, { ...how, dryRun: true }),
    discover: (...call) => kube.discover(...call),
    version: (...call) => kube.version(...call),
    exec: (pod) => Promise.reject(new KubeError('unsupported', `nothing is run in pod ${pod} in a rehearsal`)),
    get calls() {
      return kube.calls
    },
    close: () => kube.close(),
  }
}

import { suite } from 'node:test'
import { keys, lists } from './contract-listing.ts'
import { gets } from './contract-reading.ts'
import { largeBodies } from './contract-streaming.ts'
import type { StoreUnderTest } from './contract-tools.ts'
import { brokenPuts, puts } from './contract-writing.ts'

export interface ContractOptions {
  /** Whether bodies must not pile up in memory. */
  streams: boolean
}

/** Declares the tests that every driver of ObjectStore passes; `open` gives each test an empty store. Test code: nothing else may import it. */
export function storeContract(driver: string, open: () => Promise<StoreUnderTest>, { streams }: ContractOptions): void {
  suite(`the ${driver} store`, () => {
    puts(open)
    brokenPuts(open)
    gets(open)
    lists(open)
    keys(open)
    if (streams) largeBodies(open)
  })
}

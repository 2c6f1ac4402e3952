import { storeContract } from '#store/contract.ts'
import { memoryStore } from '#store/memory.ts'
import { prefixed } from '#store/prefixed.ts'

const nothing = { leftovers: async () => [], [Symbol.asyncDispose]: async () => {} }

storeContract('memory', async () => ({ store: memoryStore(), ...nothing }), { streams: false })

storeContract(
  'prefixed',
  async () => {
    const whole = memoryStore()
    await whole.put('elsewhere/object', new Uint8Array(1))
    return { store: prefixed(whole, '/deep/down/'), ...nothing }
  },
  { streams: false },
)

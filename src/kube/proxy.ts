import { BlockList, isIP } from 'node:net'
import { KubeConfigError } from './cluster-config.ts'

/**
 * The proxy for requests to `server` that `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` (or their lower-case forms) ask for, by the rules of
 * Go's net/http, which kubectl follows: never for loopback addresses, and NO_PROXY may hold names, `.suffixes`, addresses, CIDRs, ports and `*`.
 */
export function proxyFromEnvironment(
  server: string,
  env: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const url = new URL(server)
  const variable = url.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY'
  const proxy = env[variable] || env[variable.toLowerCase()]
  if (proxy === undefined || proxy === '' || isExempt(url, env['NO_PROXY'] || env['no_proxy'] || '')) return undefined
  return proxyAddress(proxy.includes('://') ? proxy : `http://${proxy}`, variable)
}

/** The address of a proxy, checked; `source` says in messages where it was set. Throws KubeConfigError. */
export function proxyAddress(address: string, source: string): string {
  if (/^(https?|socks5):\/\//.test(address) && URL.canParse(address)) return address
  throw new KubeConfigError(
    'unsupported',
    `${source} is no address of a proxy: write http://host:port, https://host:port or socks5://host:port`,
  )
}

function isExempt(url: URL, noProxy: string): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, '').toLowerCase()
  if (host === 'localhost' || isIn('127.0.0.0/8', host) || host === '::1') return true
  const port = url.port || (url.protocol === 'https:' ? '443' : '80')
  return noProxy
    .split(',')
    .map((rule) => rule.trim().toLowerCase())
    .some((rule) => rule !== '' && matches(rule, host, port))
}

function matches(rule: string, host: string, port: string): boolean {
  if (rule === '*') return true
  if (rule.includes('/')) return isIn(rule, host)
  const [, name = rule, rulePort] = /^\[?([^\]]*?)\]?(?::(\d+))?$/.exec(isIP(rule) === 6 ? `[${rule}]` : rule) ?? []
  if (rulePort !== undefined && rulePort !== port) return false
  if (isIP(name) !== 0) return name === host
  const suffix = name.replace(/^\*/, '')
  return suffix.startsWith('.') ? host.endsWith(suffix) : host === suffix || host.endsWith(`.${suffix}`)
}

function isIn(cidr: string, host: string): boolean {
  const [network = '', bits] = cidr.split('/')
  const family = isIP(network)
  const prefix = Number(bits)
  if (
    family === 0 ||
    isIP(host) !== family ||
    !Number.isInteger(prefix) ||
    prefix < 0 ||
    prefix > (family === 4 ? 32 : 128)
  )
    return false
  const list = new BlockList()
  const type = family === 4 ? 'ipv4' : 'ipv6'
  list.addSubnet(network, prefix, type)
  return list.check(host, type)
}

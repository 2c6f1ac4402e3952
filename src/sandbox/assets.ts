import { access, constants, mkdir, stat } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { delimiter, join } from 'node:path'
import { assetRecipe, cachedFileName, type AssetName } from './asset-recipe.ts'
import type { ControlPlaneAssets } from './control-plane.ts'
import { ensurePackages, type PackageOptions, type PackageSet } from './debian-packages.ts'
import { throwIfAborted } from './error.ts'
import { lock } from './file-lock.ts'
import { buildAsset, type BuildStep } from './go-build.ts'
import { cacheHome, type Environment } from './home.ts'

/** How getting hold of one program goes. Times are milliseconds. */
export type AssetProgress = { asset: AssetName; version: string; elapsedMs: number } & (
  | { step: 'waiting'; holder: number }
  | BuildStep
  | { step: 'built'; path: string }
)

export interface AssetOptions {
  env: Environment
  signal?: AbortSignal | undefined
  progress?: ((event: AssetProgress) => void) | undefined
}

/**
 * Path of the program `name`: from the folders that `LIFEBOAT_ASSETS` or `KUBEBUILDER_ASSETS` name, else from the cache, else built
 * into the cache through Go, by one process at a time. Rejects with SandboxError 'asset-missing', 'build-failed' or 'aborted'.
 */
export async function ensureAsset(name: AssetName, options: AssetOptions): Promise<string> {
  const found = await findAsset(name, options.env)
  if (found !== undefined) return found
  const recipe = assetRecipe(name)
  const directory = assetDirectory(options.env)
  const path = join(directory, cachedFileName(recipe))
  const began = performance.now()
  const report = (event: { step: 'waiting'; holder: number } | BuildStep | { step: 'built'; path: string }) =>
    options.progress?.({ asset: name, version: recipe.version, elapsedMs: performance.now() - began, ...event })
  await mkdir(directory, { recursive: true })
  await using _lock = await lockBuild(path, {
    signal: options.signal,
    waiting: (holder) => report({ step: 'waiting', holder }),
  })
  // The process that was waited for may have built it.
  if (await isProgram(path)) return path
  await buildAsset(recipe, { ...options, path, progress: report })
  report({ step: 'built', path })
  return path
}

/** The three programs of a control plane, got hold of one after the other. */
export async function ensureControlPlane(options: AssetOptions): Promise<ControlPlaneAssets> {
  return {
    etcd: await ensureAsset('etcd', options),
    'kube-apiserver': await ensureAsset('kube-apiserver', options),
    'kube-controller-manager': await ensureAsset('kube-controller-manager', options),
  }
}

/** What a node is made from besides the control plane. */
export interface NodeAssets {
  'kube-scheduler': string
  kubelet: string
  /** Folder of the unpacked packages of `nodePackages`. */
  tools: string
}

/** What a node needs that is not Kubernetes' own. */
export const nodePackages: PackageSet = {
  name: 'node-tools',
  packages: ['containerd', 'runc', 'containernetworking-plugins', 'busybox-static'],
}

/** The programs of a node. Rejects as `ensureAsset` and `ensurePackages` do. */
export async function ensureNode(options: AssetOptions & PackageOptions): Promise<NodeAssets> {
  return {
    tools: await ensurePackages(nodePackages, options),
    'kube-scheduler': await ensureAsset('kube-scheduler', options),
    kubelet: await ensureAsset('kubelet', options),
  }
}

/** Path of the program `name` if it is on this machine already; nothing is built. */
export async function findAsset(name: AssetName, env: Environment): Promise<string | undefined> {
  const given = [env['LIFEBOAT_ASSETS'], env['KUBEBUILDER_ASSETS']].flatMap((value) => value?.split(delimiter) ?? [])
  for (const directory of given.filter((value) => value !== '')) {
    const path = join(directory, name)
    if (await isProgram(path)) return path
  }
  const cached = join(assetDirectory(env), cachedFileName(assetRecipe(name)))
  return (await isProgram(cached)) ? cached : undefined
}

/** A guess at the milliseconds that building `names` takes on this machine with an empty Go cache. */
export function estimatedBuildMs(names: readonly AssetName[]): number {
  const seconds = names.reduce((sum, name) => sum + assetRecipe(name).seconds, 0)
  return (seconds * 1000 * 2) / Math.max(1, Math.min(availableParallelism(), 8))
}

function assetDirectory(env: Environment): string {
  return join(cacheHome(env), 'assets')
}

async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK)
    return (await stat(path)).isFile()
  } catch {
    return false
  }
}

async function lockBuild(
  path: string,
  { signal, waiting }: { signal?: AbortSignal | undefined; waiting: (holder: number) => void },
): Promise<AsyncDisposable> {
  try {
    return await lock(`${path}.lock`, { signal, waiting })
  } catch (error) {
    throwIfAborted(signal, `waiting for the build of ${path}`)
    throw error
  }
}

// What of the Helm chart can be held to the code without Helm; test/cluster/helm-chart.test.ts does the rest.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { parse } from 'yaml'
import { restoreRules, roleRules } from '#install/rights.ts'

const read = (path: string): Promise<string> => readFile(new URL(`../${path}`, import.meta.url), 'utf8')

test('the chart has the version of the program, and installs it', async () => {
  const { version } = JSON.parse(await read('package.json')) as { version: string }
  const chart = parse(await read('deploy/helm/lifeboat/Chart.yaml')) as { version: string; appVersion: string }
  assert.deepEqual([chart.version, chart.appVersion], [version, version])
})

test('the rules of the chart are those that `lifeboat install` gives', async () => {
  const template = await read('deploy/helm/lifeboat/templates/account.yaml')
  // With every condition taken for true, what is left is YAML.
  const documents = template.replaceAll(/^\s*\{\{-.*\n/gm, '').split('---\n')
  const rulesOf = (kind: string): unknown => {
    const found = documents.find((text) => new RegExp(`^kind: ${kind}$`, 'm').test(text)) ?? assert.fail(kind)
    return (parse(/^rules:\n(?:[ -].*\n)+/m.exec(found)?.[0] ?? '') as { rules: unknown }).rules
  }
  assert.deepEqual(rulesOf('ClusterRole'), restoreRules)
  assert.deepEqual(rulesOf('Role'), roleRules)
})

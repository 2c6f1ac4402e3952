// deploy/alerts.yaml and deploy/grafana-dashboard.json against the metrics that the server really has.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { parse } from 'yaml'
import { serverMetrics } from '#server/metrics.ts'
import { metricsOf } from './support/promql.ts'

interface Rule {
  alert: string
  expr: string
  for?: string
  labels: { severity: string }
  annotations: { summary: string; description?: string }
}

const read = (name: string): Promise<string> => readFile(new URL(`../deploy/${name}`, import.meta.url), 'utf8')
const alerts = parse(await read('alerts.yaml')) as {
  apiVersion: string
  kind: string
  spec: { groups: { name: string; rules: Rule[] }[] }
}
const rules = alerts.spec.groups.flatMap((group) => group.rules)
const dashboard = JSON.parse(await read('grafana-dashboard.json')) as {
  panels: { id: number; title: string; gridPos: Record<'x' | 'y' | 'w' | 'h', number>; targets: { expr: string }[] }[]
  templating: { list: { name: string; query: string }[] }
}

const metrics = serverMetrics({ calls: () => 0 })
const labels = new Map(
  metrics.registry.getMetricsAsArray().map((metric) => {
    const { name, labelNames } = metric as typeof metric & { labelNames: string[] }
    return [name, labelNames]
  }),
)

/** Histograms show up as three series. */
function isThere(name: string): boolean {
  return labels.has(name) || labels.has(name.replace(/_(bucket|sum|count)$/, ''))
}

test('every alert reads metrics that the server has, in PromQL that can be read', () => {
  assert.deepEqual([alerts.apiVersion, alerts.kind], ['monitoring.coreos.com/v1', 'PrometheusRule'])
  assert.equal(new Set(rules.map((rule) => rule.alert)).size, rules.length)
  for (const { alert, expr } of rules) {
    const names = metricsOf(expr)
    assert.ok(names.size > 0, alert)
    for (const name of names) assert.ok(isThere(name), `${alert}: ${name}`)
  }
})

test('every alert has a severity, and speaks only of labels that its expression leaves', () => {
  const known = new Set([...labels.values()].flat())
  for (const rule of rules) {
    assert.ok(['info', 'warning', 'critical'].includes(rule.labels.severity), rule.alert)
    if (rule.for !== undefined) assert.match(rule.for, /^\d+[mhd]$/)
    const text = `${rule.annotations.summary} ${rule.annotations.description ?? ''}`
    for (const [, label = ''] of text.matchAll(/\$labels\.(\w+)/g)) {
      assert.ok(known.has(label), `${rule.alert}: ${label}`)
      const sum = /^sum by \(([^)]*)\)/.exec(rule.expr)?.[1]
      if (sum !== undefined) assert.ok(sum.split(', ').includes(label), `${rule.alert} loses ${label}`)
    }
    assert.equal(text.split('{{').length, text.split('}}').length, rule.alert)
  }
})

test('every panel reads metrics that the server has, and none lies over another', () => {
  const taken = new Set<string>()
  assert.equal(new Set(dashboard.panels.map(({ id }) => id)).size, dashboard.panels.length)
  for (const { title, gridPos, targets } of dashboard.panels) {
    for (const { expr } of targets) {
      for (const name of metricsOf(expr)) assert.ok(isThere(name), `${title}: ${name}`)
    }
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
        assert.ok(x < 24 && !taken.has(`${x},${y}`), title)
        taken.add(`${x},${y}`)
      }
    }
  }
  const variables = dashboard.templating.list.map(({ name }) => name)
  for (const [, variable] of JSON.stringify(dashboard.panels).matchAll(/\$\{?([a-z]\w*)/g)) {
    assert.ok(variables.includes(variable ?? ''), variable)
  }
  const [, metric = ''] = /label_values\((\w+), schedule\)/.exec(JSON.stringify(dashboard.templating)) ?? []
  assert.ok(isThere(metric))
})

test('what is wrong with an expression is found', () => {
  for (const wrong of [
    'velero_backup_total >',
    'sum(velero_backup_total',
    'rate(velero_backup_total)',
    'sum(velero_backup_total[5m])',
    'median(velero_backup_total)',
    'velero_backup_total{schedule=}',
    'velero_backup_total and 1',
    'velero_backup_total) + 1',
    'velero_backup_total[5q]',
  ]) {
    assert.throws(() => metricsOf(wrong), wrong)
  }
  assert.deepEqual([...metricsOf('a{x!="b"} * on (x) group_left () (c >= 0)')], ['a', 'c'])
})

/**
 * docs/metrics.md, written from the table.
 *
 * Owns the text around the table: how to scrape, how to read, what to alert on. Pure; scripts/generate-metrics-docs.ts
 * writes the file and checks that it is not stale.
 */
import { type AlertRow, alertTable, type MetricRow, metricTable } from './table.ts'

/** Label values beyond this number are not listed one by one. */
const MAX_LISTED = 6

const titles: Readonly<Record<MetricRow['group'], string>> = {
  connections: 'Connections, sessions, channels',
  messages: 'Publications, deliveries, commands',
  node: 'The node',
  process: 'The process',
}

/** The whole file. */
export function metricsDocs(): string {
  const groups = Object.keys(titles) as MetricRow['group'][]
  return `${[intro, ...groups.map(groupSection), reading, alertSection()].join('\n\n')}\n`
}

/** The alerting rules as a rule file of Prometheus (YAML). */
export function alertRules(): string {
  return ['groups:', '  - name: encke', '    rules:', ...alertTable.map(alertRule)].join('\n')
}

const intro = `# Metrics

<!-- Written from src/metrics/table.ts by scripts/generate-metrics-docs.ts; do not edit. -->

The node shows its metrics at \`GET /metrics\` on the internal port (8081), in the Prometheus text format. The number of
series is fixed: every one exists from the start, at 0, and no label ever holds a channel or a user.

Where the node has a key, \`/metrics\` asks for it like the rest of the internal port:

\`\`\`yaml
scrape_configs:
  - job_name: encke
    scrape_interval: 15s
    authorization:
      credentials_file: /etc/prometheus/encke.key # leave out where no key is configured
    static_configs:
      - targets: ['127.0.0.1:8081']
\`\`\``

const reading = `## Reading them together

* **What a delivery is.** \`encke_deliveries_total\` grows by one for every subscriber of every publication, when it is given
  to the socket. Fan-out is \`sum(rate(encke_deliveries_total[5m])) / sum(rate(encke_publications_total[5m]))\`.
* **The books.** Every delivery that a publication calls for (\`_due_\`), or that a session which comes back asks for (\`_asked_\`),
  becomes one of four things: it is made, \`_deferred_\` (a poll fetches it, or the session had it), \`_lost_\`, or it is still
  owed (\`_lagging\`). \`encke_books_balance\` is what is left over, 0 at every scrape.
* **Slow readers.** A session that does not take a publication is counted in \`encke_sessions_behind_total\` and fed from history;
  \`encke_deliveries_lagging\` is what all of them are owed now. One that stays behind for longer than \`maxLagMs\` is closed with
  SLOW_CONSUMER, and what it was owed is \`encke_deliveries_lost_total{reason="ended"}\`: it asks for it when it comes back.
  \`reason="gap"\` is what nobody can give it any more: keep a longer history (\`historySize\`, \`ringSize\`) where it matters.
* **Batches.** \`encke_flush_publications\` near 1 means each publication paid for its own writes; larger means they left
  together. It grows under load by itself, and with \`flushMs\` of a channel rule.
* **Quantiles of \`encke_loop_lag_seconds\`** cover the time since the scrape before, by whoever it was: let one Prometheus scrape
  each node. Quantile 1 is the worst moment.`

function groupSection(group: MetricRow['group']): string {
  const all: readonly [string, MetricRow][] = Object.entries(metricTable)
  const rows = all.filter(([, row]) => row.group === group).map(([name, row]) => tableRow(name, row))
  return [
    `## ${titles[group]}`,
    '',
    '| metric | kind | labels | meaning |',
    '|---|---|---|---|',
    ...rows,
  ].join('\n')
}

function tableRow(name: string, row: MetricRow): string {
  const labels = Object.entries(row.labels ?? {}).map(([label, values]) => labelText(label, values))
  if (row.quantiles !== undefined) labels.push(labelText('quantile', row.quantiles.map(String)))
  const buckets = row.buckets === undefined ? '' : ` Buckets: ${row.buckets.join(', ')}.`
  return `| \`${name}\` | ${row.kind} | ${labels.join('<br>')} | ${row.help}${buckets} |`
}

function labelText(label: string, values: readonly string[]): string {
  if (values.length === 0) return `\`${label}\``
  if (values.length <= MAX_LISTED) return `\`${label}\`: ${values.join(', ')}`
  const extra = values.includes('none') ? 'none, or ' : ''
  return `\`${label}\`: ${extra}a name of docs/errors.md`
}

function alertSection(): string {
  const rows = alertTable.map(({ name, summary, severity }) => `| ${name} | ${severity} | ${summary} |`)
  return `## What to alert on

| alert | severity | meaning |
|---|---|---|
${rows.join('\n')}

As a rule file:

\`\`\`yaml
${alertRules()}
\`\`\``
}

function alertRule({ name, expr, forDuration, severity, summary }: AlertRow): string {
  return [
    `      - alert: ${name}`,
    `        expr: '${expr}'`,
    `        for: ${forDuration}`,
    `        labels: { severity: ${severity} }`,
    `        annotations: { summary: '${summary}' }`,
  ].join('\n')
}

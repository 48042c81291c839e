import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { reservePort } from '../kit/ports.ts';
import { repository, startProcess } from '../kit/process.ts';
import { until } from '../kit/until.ts';

export const RULES = join(repository, 'ops/prometheus/alerts.yml');

const LOOK_BACK_SECONDS = 10;

/** A Prometheus that watches gateways with our rules. */
export interface Alerts {
  /** Names of those that fire now. */
  firing(): Promise<ReadonlySet<string>>;
  /** Names of those that have fired since it was started, were it for a moment. */
  fired(): Promise<ReadonlySet<string>>;
  stop(): Promise<unknown>;
}

/**
 * The rules as they are, with minutes made seconds: what they look back on, how long they wait, and the age that a message may
 * have. A drill has no time for the real ones; that those hold is tried by promtool, in test/observe.
 */
export function quickened(rules: string, lookBackSeconds = LOOK_BACK_SECONDS): string {
  return rules
    .replaceAll(/\[\d+m\]/g, `[${lookBackSeconds}s]`)
    .replaceAll(/offset \d+m/g, `offset ${lookBackSeconds}s`)
    .replaceAll(/for: \w+/g, 'for: 0s')
    .replace('fronttcp_oldest_undelivered_seconds) > 60', 'fronttcp_oldest_undelivered_seconds) > 1');
}

export async function startPrometheus(
  folder: string,
  healthPorts: readonly number[],
  lookBackSeconds?: number,
): Promise<Alerts> {
  const rules = join(folder, 'alerts.yml');
  const config = join(folder, 'prometheus.json');
  const targets = healthPorts.map((port) => `127.0.0.1:${port}`);
  await writeFile(rules, quickened(await readFile(RULES, 'utf8'), lookBackSeconds));
  await writeFile(
    config,
    JSON.stringify({
      global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
      rule_files: [rules],
      scrape_configs: [{ job_name: 'fronttcp', static_configs: [{ targets }] }],
    }),
  );
  const port = await reservePort();
  const prometheus = startProcess('prometheus', [
    `--config.file=${config}`,
    `--storage.tsdb.path=${join(folder, 'prometheus')}`,
    `--web.listen-address=127.0.0.1:${port}`,
  ]);
  const query = async (expression: string): Promise<Sample[]> => {
    const response = await fetch(`http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(expression)}`);
    return ((await response.json()) as { data: { result: Sample[] } }).data.result;
  };
  const names = async (expression: string) =>
    new Set((await query(expression)).map(({ metric }) => metric.alertname ?? ''));
  await until('Prometheus has seen the gateways', async () => (await query('up == 1')).length === targets.length, {
    timeoutMs: 60_000,
    everyMs: 200,
  });
  return {
    firing: () => names('ALERTS{alertstate="firing"}'),
    fired: () => names('max_over_time(ALERTS{alertstate="firing"}[5m])'),
    stop: () => prometheus.stop(),
  };
}

interface Sample {
  readonly metric: { readonly alertname?: string };
}

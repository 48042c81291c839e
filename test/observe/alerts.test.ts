import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { gateway } from '../kit/gateway.ts';
import { reservePort } from '../kit/ports.ts';
import { repository, startProcess } from '../kit/process.ts';
import { startTestRedis } from '../kit/redis.ts';
import { until } from '../kit/until.ts';

const file = (name: string) => join(repository, name);
const rules = await readFile(file('ops/prometheus/alerts.yml'), 'utf8');
const alerts = [...rules.matchAll(/- alert: (\w+)/g)].map(([, name]) => name ?? '');
const documented = await readFile(file('docs/metrics.md'), 'utf8');
const dashboard = await readFile(file('ops/grafana/dashboard.json'), 'utf8');

interface Row {
  /** Samples every 15 s, in Prometheus' notation: `0x8` is nine zeros. */
  series: Readonly<Record<string, string>>;
  fires: string;
  clears: string;
}

const rise = (series: string, by = 1): Row['series'] => ({ [`${series}`]: `0x8 ${by}x120` });
const jump = (series: string, by = 1): Row => ({ series: rise(series, by), fires: '3m', clears: '12m' });
const level = (series: string, bad: number, good = 0): Row => ({
  series: { [series]: `${good}x8 ${bad}x40 ${good}x60` },
  fires: '11m',
  clears: '20m',
});

/** Each alert with what it fires at, and what ends it. */
const table: Readonly<Record<string, Row>> = {
  GatewaysSilent: { series: { 'fronttcp_connections{instance="a"}': '_x20 5x40' }, fires: '4m', clears: '7m' },
  GatewayDown: level('up{job="fronttcp",instance="a"}', 0, 1),
  GatewayBuried: jump('fronttcp_burials_total{instance="a"}'),
  RedisUnanswered: level('fronttcp_redis_unanswered_seconds{instance="a"}', 9),
  RedisErrors: { ...jump('fronttcp_redis_errors_total{instance="a"}', 50), fires: '4m' },
  RedisSlow: {
    series: {
      'fronttcp_redis_round_trip_seconds_bucket{le="0.1"}': '0+5x8 45+0x40 50+5x80',
      'fronttcp_redis_round_trip_seconds_bucket{le="0.5"}': '0+5x8 50+5x40 260+5x80',
      'fronttcp_redis_round_trip_seconds_bucket{le="+Inf"}': '0+5x8 50+5x40 260+5x80',
    },
    fires: '8m',
    clears: '20m',
  },
  LeaseLost: jump('fronttcp_lease_losses_total{instance="a"}'),
  OldestUndelivered: level('fronttcp_oldest_undelivered_seconds{instance="a"}', 90),
  DeliverySlow: {
    series: {
      'fronttcp_delivery_seconds_bucket{le="1"}': '0+90x48 4320+100x80',
      'fronttcp_delivery_seconds_bucket{le="5"}': '0+100x48 4900+100x80',
      'fronttcp_delivery_seconds_bucket{le="+Inf"}': '0+100x48 4900+100x80',
    },
    fires: '11m',
    clears: '25m',
  },
  ConnectionsDropped: {
    series: { 'fronttcp_connections{instance="a"}': '1000x40 400x60' },
    fires: '12m',
    clears: '17m',
  },
  ConnectionsRefused: {
    series: { 'fronttcp_connections_refused_total{reason="gateway_full"}': '0x8 0+60x20 1200x60' },
    fires: '6m',
    clears: '15m',
  },
  DescriptorsLow: {
    series: { 'process_open_fds{instance="a"}': '10x8 95x20 10x40', 'process_max_fds{instance="a"}': '100x80' },
    fires: '6m',
    clears: '10m',
  },
  VerifiesRefused: {
    series: {
      'fronttcp_verify_refused_total{instance="a"}': '0x8 0+600x20 12000x60',
      'fronttcp_verified_total{instance="a"}': '0+5x90',
    },
    fires: '6m',
    clears: '15m',
  },
  SlowReaders: jump('fronttcp_slow_readers_total{instance="a"}', 50),
  ReadersStalled: {
    series: {
      'fronttcp_sessions_stalled{instance="a"}': '0x8 200x20 0x40',
      'fronttcp_sessions{instance="a"}': '1000x80',
    },
    fires: '6m',
    clears: '10m',
  },
  DeadLetters: jump('fronttcp_dead_letters_total{instance="a"}'),
  RoutesFailing: jump('fronttcp_route_failures_total{instance="a"}'),
  InboxUnread: jump('fronttcp_inbox_unread_total{instance="a"}'),
  QueueWaits: level('fronttcp_deployment_queue_entries{instance="a"}', 5_000),
  MessagesLost: jump('fronttcp_deployment_messages_total{outcome="lost",instance="a"}', 5),
  MessagesRepeated: jump('fronttcp_deployment_repeats_total{instance="a"}', 5),
  EventLoopDelay: level('nodejs_eventloop_lag_p99_seconds{instance="a"}', 0.5, 0.01),
  EventLoopBlocked: { ...jump('fronttcp_event_loop_blocked_seconds_total{instance="a"}', 3), fires: '2m30s' },
  ClockJumped: jump('fronttcp_clock_jumps_total{instance="a"}'),
  UpstreamFailing: jump('fronttcp_upstream_failures_total{failure="upstream_throttled"}', 100),
};

describe('the alert rules', () => {
  it('are understood by Prometheus', async () => {
    const check = startProcess('promtool', ['check', 'rules', file('ops/prometheus/alerts.yml')]);
    expect((await check.exit).code, check.output()).toBe(0);
    expect(check.output()).toContain(`${alerts.length} rules found`);
  });

  it('each fire and clear as the table says', async () => {
    expect(Object.keys(table).sort()).toEqual([...alerts].sort());
    const folder = await mkdtemp(join(tmpdir(), 'fronttcp-rules-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const expects = (alert: string, at: string, value: number) => ({
      expr: `count(ALERTS{alertname="${alert}",alertstate="firing"}) or vector(0)`,
      eval_time: at,
      exp_samples: [{ labels: '{}', value }],
    });
    const tests = Object.entries(table).map(([alert, { series, fires, clears }]) => ({
      name: alert,
      interval: '15s',
      input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
      promql_expr_test: [expects(alert, fires, 1), expects(alert, clears, 0)],
    }));
    // JSON is YAML.
    await writeFile(
      join(folder, 'test.json'),
      JSON.stringify({ rule_files: [file('ops/prometheus/alerts.yml')], evaluation_interval: '15s', tests }),
    );
    const run = startProcess('promtool', ['test', 'rules', join(folder, 'test.json')]);
    expect((await run.exit).code, run.output()).toBe(0);
  }, 120_000);

  it('and the dashboard use only metrics that exist', () => {
    const known = new Set([...documented.matchAll(/^\| `(fronttcp_\w+)` \| (\w+)/gm)].map(([, name]) => name));
    const asked = [...`${rules} ${dashboard}`.matchAll(/\bfronttcp_[a-z_]+\b/g)].map(([name]) => name);
    const unknown = asked.filter((name) => !known.has(name) && !known.has(name.replace(/_(bucket|sum|count)$/, '')));
    expect(asked.length).toBeGreaterThan(60);
    expect([...new Set(unknown)]).toEqual([]);
  });

  it('and the alarms of the deployment each have an entry in the runbook, with what to do', async () => {
    const runbook = await readFile(file('docs/runbook.md'), 'utf8');
    const entries = new Map(
      runbook
        .split(/^### /m)
        .slice(1)
        .map((text) => [text.split('\n')[0], text]),
    );
    const folder = file('lib/observability/alarms');
    const files = await readdir(folder);
    const cloudWatch = (await Promise.all(files.map((name) => readFile(join(folder, name), 'utf8')))).join('\n');
    const named = [
      ...[...rules.matchAll(/runbook: ([\w-]+)/g)].map(([, name]) => name ?? ''),
      ...[...cloudWatch.matchAll(/runbook: '([\w-]+)'/g)].map(([, name]) => name ?? ''),
      // Of every function, in lib/http/function-alarms.ts.
      'function-errors',
      'function-latency',
    ];
    expect(new Set(named)).toEqual(new Set(entries.keys()));
    for (const [name, text] of entries) {
      for (const part of ['**Means:**', '**Confirm:**', '**Do:**']) expect(text, name).toContain(part);
    }
    for (const [, anchor] of runbook.matchAll(/\]\(#([\w-]+)\)/g)) expect([...entries.keys()]).toContain(anchor);
  });
});

it('the real Prometheus sees Redis hang, alerts, and sees it return', async () => {
  const redis = await startTestRedis();
  onTestFinished(() => redis.stop());
  const g = await gateway({}, { redisUrl: redis.url });
  const folder = await mkdtemp(join(tmpdir(), 'fronttcp-prometheus-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const port = await reservePort();
  const config = {
    global: { scrape_interval: '1s', evaluation_interval: '1s' },
    rule_files: [file('ops/prometheus/alerts.yml')],
    scrape_configs: [{ job_name: 'fronttcp', static_configs: [{ targets: [`127.0.0.1:${g.running.healthPort}`] }] }],
  };
  await writeFile(join(folder, 'prometheus.json'), JSON.stringify(config));
  const prometheus = startProcess('prometheus', [
    `--config.file=${join(folder, 'prometheus.json')}`,
    `--storage.tsdb.path=${join(folder, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
  ]);
  onTestFinished(() => prometheus.stop().then(() => undefined));
  const firing = async (): Promise<string[]> => {
    const response = await fetch(`http://127.0.0.1:${port}/api/v1/alerts`);
    const { data } = (await response.json()) as {
      data: { alerts: { state: string; labels: { alertname: string } }[] };
    };
    return data.alerts.filter(({ state }) => state === 'firing').map(({ labels }) => labels.alertname);
  };
  const scraped = async () => {
    const query = await fetch(`http://127.0.0.1:${port}/api/v1/query?query=up`);
    return (await query.text()).includes('"1"]');
  };
  await until('it is scraped', scraped, { timeoutMs: 60_000, everyMs: 200 });
  expect(await firing()).not.toContain('RedisUnanswered');
  await redis.kill('SIGSTOP');
  await until('it alerts', async () => (await firing()).includes('RedisUnanswered'), {
    timeoutMs: 60_000,
    everyMs: 250,
  });
  await redis.kill('SIGCONT');
  await until('it clears', async () => !(await firing()).includes('RedisUnanswered'), {
    timeoutMs: 60_000,
    everyMs: 250,
  });
}, 240_000);

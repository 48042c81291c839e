import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { chat, gateway } from '../kit/gateway.ts';
import { metricIn } from '../kit/metrics.ts';
import { until } from '../kit/until.ts';

const document = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8');
/** Rows of the tables `| name | type | labels | meaning |`; those of CloudWatch have other names. */
const rows = [...document.matchAll(/^\| `(fronttcp_\w+)` \| (\w+) \|([^|]*)\| [^|]+ \|$/gm)].map(
  ([, name, type, labels]) => ({
    name,
    type,
    labels: (labels ?? '').match(/\w+/g) ?? [],
  }),
);

async function metricsOf(healthPort: number): Promise<string> {
  return (await fetch(`http://127.0.0.1:${healthPort}/metrics`)).text();
}

describe('the metrics of a gateway', () => {
  it('are those of docs/metrics.md, each with its type and labels, and no others', async () => {
    const g = await gateway({ UPSTREAM_FUNCTION: 'device-messages', AWS_REGION: 'us-east-1' });
    const text = await metricsOf(g.running.healthPort);
    const types = [...text.matchAll(/^# TYPE (fronttcp_\w+) (\w+)$/gm)].map(([, name, type]) => `${name} ${type}`);
    expect(types.sort()).toEqual(rows.map(({ name, type }) => `${name} ${type}`).sort());
    for (const { name, labels } of rows) {
      const used = new Set<string>();
      for (const [, inside] of text.matchAll(new RegExp(`^${name}(?:_bucket|_sum|_count)?\\{([^}]*)\\}`, 'gm'))) {
        for (const [, label] of (inside ?? '').matchAll(/(\w+)="/g)) if (label !== 'le') used.add(label ?? '');
      }
      expect(labels, name).toEqual(expect.arrayContaining([...used]));
    }
  });

  it('measure how long a message took, from accepted to written to acknowledged', async () => {
    const g = await gateway();
    const device = await g.verified('device', ['ack']);
    const before = await metricsOf(g.running.healthPort);
    expect(metricIn(before, 'fronttcp_delivery_seconds_count')).toBe(0);
    await g.route({ to: ['device'] });
    const { id } = (await device.receives(102)).body as { id: string };
    device.send(6, { ids: [id] });
    const text = await until('it is acknowledged', async () => {
      const now = await metricsOf(g.running.healthPort);
      return metricIn(now, 'fronttcp_acknowledgement_seconds_count') === 1 && now;
    });
    expect(metricIn(text, 'fronttcp_delivery_seconds_count')).toBe(1);
    expect(metricIn(text, 'fronttcp_delivery_seconds_bucket{le="+Inf"}')).toBe(1);
    expect(metricIn(text, 'fronttcp_delivery_seconds_sum')).toBeLessThan(5);
    expect(metricIn(text, 'fronttcp_delivered_total{way="inbox"}')).toBe(1);
    expect(metricIn(text, 'fronttcp_verify_seconds_count')).toBe(1);
    expect(metricIn(text, 'fronttcp_redis_script_seconds_count{script="claim"}')).toBe(1);
    expect(metricIn(text, 'fronttcp_bytes_sent_total')).toBeGreaterThan(50);
  });

  it('count asks and replies: accepted ones, and ignored ones', async () => {
    const g = await gateway();
    const [device, plain] = [await g.verified('device', ['ack']), await g.verified('plain')];
    const wait = { step: 'reply', instance: 'caller' } as const;
    await g.route({ to: ['device', 'plain'], receipt: true, wait });
    const { ask } = (await device.receives(102)).body as { ask: string };
    await plain.receives(102);
    for (const body of [
      { ask, reply: 1 },
      { ask, reply: 2 },
      { ask: '7', reply: 3 },
    ])
      device.send(7, body);
    await until(
      'all replies are written',
      async () => (await g.metric('fronttcp_replies_total{outcome="passed_over"}')) === 2,
    );
    expect(await g.metric('fronttcp_replies_total{outcome="counted"}')).toBe(1);
    expect(await g.metric('fronttcp_asks_total')).toBe(1);
    expect(await g.metric('fronttcp_reply_seconds_count')).toBe(1);
  });

  it('separate messages from mailboxes, and count the waiting ones', async () => {
    const g = await gateway();
    await g.users('device');
    for (let i = 0; i < 3; i += 1) await g.route({ to: ['device'] });
    const device = await g.verified('device');
    for (let i = 0; i < 3; i += 1) await device.receives(102, chat('operator', 'hello'));
    const text = await until('they are counted', async () => {
      const now = await metricsOf(g.running.healthPort);
      return metricIn(now, 'fronttcp_stored_delivery_seconds_count') === 3 && now;
    });
    expect(metricIn(text, 'fronttcp_delivery_seconds_count')).toBe(0);
    expect(metricIn(text, 'fronttcp_mailbox_depth_bucket{le="1"}')).toBe(0);
    expect(metricIn(text, 'fronttcp_mailbox_depth_bucket{le="5"}')).toBe(1);
  });

  it('count bytes of closed connections once', async () => {
    const g = await gateway();
    const device = await g.verified('device');
    const live = metricIn(await metricsOf(g.running.healthPort), 'fronttcp_bytes_sent_total') ?? 0;
    expect(live).toBeGreaterThan(12);
    await device.leave();
    await until('it is gone', async () => (await g.metric('fronttcp_connections')) === 0);
    await until('its bytes are kept', async () => (await g.metric('fronttcp_bytes_sent_total')) === live);
  });

  it('cover the deployment: the length of the queue, and the states of messages', async () => {
    const g = await gateway();
    await g.push('not a command');
    await until('the dead letter is seen', async () => (await g.metric('fronttcp_deployment_dead_letters')) === 1);
    expect(await g.metric('fronttcp_dead_letters_total')).toBe(1);
    expect(await g.metric('fronttcp_deployment_messages_total{outcome="dead_lettered"}')).toBe(1);
    expect(await g.metric('fronttcp_deployment_gateways')).toBe(1);
  });
});

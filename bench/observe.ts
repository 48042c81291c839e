// node bench/observe.ts
// What measuring costs the hot path: nanoseconds per message for what a delivery adds to the counters, beside the same loop with
// the counters off. Scraping is measured apart: it happens every fifteen seconds, not with every message.
import { Registry } from 'prom-client';
import { Message } from '../gateway/io/outgoing.ts';
import { Counters } from '../gateway/observe/counters.ts';
import { MetricKinds } from '../gateway/observe/metric-kinds.ts';

const MESSAGES = 5_000_000;
const ROUNDS = 5;

const head = { id: '0', commandId: 102, version: 1_100, expiresAtMs: 0, flags: '', traceparent: '' };
const direct = new Message(head, '{}', 'direct');
const stored = new Message({ ...head, id: String(Date.now() * 1_024) }, '{}', 'inbox');

/** The best of several rounds: the others had to share the machine. */
function nanosecondsPer(work: (nowMs: number) => void): number {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round += 1) {
    const startedAt = performance.now();
    const nowMs = Date.now();
    for (let i = 0; i < MESSAGES; i += 1) work(nowMs);
    best = Math.min(best, performance.now() - startedAt);
  }
  return (best * 1e6) / MESSAGES;
}

const counters = new Counters();
let off = 0;
const idle = nanosecondsPer((nowMs) => {
  off += nowMs & 1;
});
const rows: readonly (readonly [string, number])[] = [
  ['loop, metrics off', idle],
  ['direct message', nanosecondsPer((nowMs) => counters.wrote(direct, false, nowMs))],
  ['message with an id: latency', nanosecondsPer((nowMs) => counters.wrote(stored, false, nowMs))],
  ['the same, to a client that acknowledges', nanosecondsPer((nowMs) => counters.wrote(stored, true, nowMs))],
];
for (const [name, nanoseconds] of rows) process.stdout.write(`${name.padEnd(42)}${nanoseconds.toFixed(1)} ns\n`);

const registry = new Registry();
const metrics = new MetricKinds(registry);
for (let i = 0; i < 60; i += 1) metrics.sum(`sum_${i}_total`, 'A sum', () => off);
for (let i = 0; i < 20; i += 1) metrics.histogram(`histogram_${i}_seconds`, 'A histogram', counters.liveMs);
const startedAt = performance.now();
for (let i = 0; i < 100; i += 1) await registry.metrics();
process.stdout.write(
  `${'one scrape of 80 metrics'.padEnd(42)}${((performance.now() - startedAt) / 100).toFixed(2)} ms\n`,
);

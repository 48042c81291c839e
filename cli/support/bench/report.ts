import { count, milliseconds } from '../drawing.ts';
import { rounded } from '../fleet/history.ts';
import { type Latencies, percentile } from '../fleet/tally.ts';
import { table } from '../output.ts';
import type { Measured } from './measure.ts';

export interface Summary {
  requests_at_a_time: number;
  sent: number;
  delivered: number;
  refused: number;
  per_second: number;
  http_ms: Percentiles;
  device_ms: Percentiles;
}

interface Percentiles {
  p50: number | undefined;
  p99: number | undefined;
  max: number | undefined;
}

export function summaryOf(concurrency: number, measured: Measured): Summary {
  const { sent, delivered, refused, seconds, http, device } = measured;
  return {
    requests_at_a_time: concurrency,
    sent,
    delivered,
    refused,
    per_second: seconds > 0 ? Math.round((delivered / seconds) * 10) / 10 : 0,
    http_ms: percentiles(http),
    device_ms: percentiles(device),
  };
}

export function reportOf(summaries: readonly Summary[]): string {
  const rows = summaries.map((summary) => [
    summary.requests_at_a_time === 1 ? 'one at a time' : `${summary.requests_at_a_time} at a time`,
    count(summary.delivered),
    count(summary.per_second),
    `${text(summary.http_ms.p50)} / ${text(summary.http_ms.p99)}`,
    `${text(summary.device_ms.p50)} / ${text(summary.device_ms.p99)}`,
    text(summary.device_ms.max),
  ]);
  return table(['REQUESTS', 'DELIVERED', 'A SECOND', 'HTTP P50 / P99', 'TO DEVICE P50 / P99', 'MAX'], rows);
}

function percentiles(latencies: Latencies): Percentiles {
  const [p50, p99, max] = [0.5, 0.99, 1].map((share) => rounded(percentile(latencies, share)));
  return { p50, p99, max };
}

const text = (ms: number | undefined): string => (ms === undefined ? '-' : milliseconds(ms));

import type { z } from 'zod';
import type { Keys } from '../../contract/store/keys.ts';
import { DELIVERY_BOUNDS_MS, type FleetMinute, readFigures } from '../../contract/store/scripts/figures.ts';
import { percentile } from '../../shared/histogram.ts';
import type { RedisPort } from '../../shared/redis/port.ts';
import type { historyAnswer } from './schema.ts';

const MINUTE_S = 60;
/** Gateways report a minute within 5 s of its end: one that not all have reported would look like a fall. */
const REPORTED_AFTER_S = 15;
/** Above this many points a step has five minutes. */
const MAX_POINTS = 240;
const LONG_STEP_MINUTES = 5;

/** The figures of the last hours, per minute or per five. A step that nobody reported is null. */
export async function readHistory(
  redis: RedisPort,
  keys: Keys,
  hours: number,
  nowMs: number,
): Promise<z.infer<typeof historyAnswer>> {
  const stepMinutes = hours * 60 > MAX_POINTS ? LONG_STEP_MINUTES : 1;
  const end = Math.floor((nowMs / 1000 - REPORTED_AFTER_S) / MINUTE_S);
  // Steps begin at round times, so that a point does not change; the last one may be shorter.
  const first = Math.ceil((end - hours * 60) / stepMinutes) * stepMinutes;
  const minutes = await readFigures(redis, keys, first, end - first);
  const steps: ReturnType<typeof stepOf>[] = [];
  for (let at = 0; at < minutes.length; at += stepMinutes) steps.push(stepOf(minutes.slice(at, at + stepMinutes)));
  return {
    from: first * MINUTE_S,
    step_s: stepMinutes * MINUTE_S,
    clients: steps.map((step) => step.clients),
    gateways: steps.map((step) => step.gateways),
    delivered_per_s: steps.map((step) => step.deliveredPerSecond),
    p50_ms: steps.map((step) => step.p50),
    p95_ms: steps.map((step) => step.p95),
  };
}

function stepOf(minutes: readonly (FleetMinute | undefined)[]) {
  const known = minutes.filter((minute) => minute !== undefined);
  if (known.length === 0) return { clients: null, gateways: null, deliveredPerSecond: null, p50: null, p95: null };
  const sum = (pick: (minute: FleetMinute) => number) => known.reduce((total, minute) => total + pick(minute), 0);
  const took = [...DELIVERY_BOUNDS_MS, 0].map((_, bucket) => sum((minute) => minute.took[bucket] ?? 0));
  // A minute in which gateways only stopped says nothing of clients.
  const counted = known.filter((minute) => minute.gateways > 0).length;
  const mean = (total: number) => (counted === 0 ? null : Math.round(total / counted));
  return {
    clients: mean(sum((minute) => minute.clients)),
    gateways: mean(sum((minute) => minute.gateways)),
    deliveredPerSecond: Math.round((sum((minute) => minute.delivered) / known.length / MINUTE_S) * 100) / 100,
    p50: percentile(DELIVERY_BOUNDS_MS, took, 0.5),
    p95: percentile(DELIVERY_BOUNDS_MS, took, 0.95),
  };
}

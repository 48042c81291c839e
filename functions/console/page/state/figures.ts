import { signal } from '@preact/signals';
import type { Gateway, Stats } from '../api/stats.ts';

/** What the charts draw: the figures of one moment. Rates are per second; null: not known yet. */
interface Sample {
  atMs: number;
  connected: number;
  waiting: number;
  delivered: number | null;
  stored: number | null;
  acknowledged: number | null;
  /** Clients per gateway. */
  gateways: ReadonlyMap<string, number>;
}

const KEPT = 900;
/** The page was hidden, or the API away, between samples that are further apart. */
export const SAMPLE_GAP_MS = 30_000;

/** Since the login, the oldest first. */
export const samples = signal<readonly Sample[]>([]);
/** Messages per second that each gateway writes to its connections. */
export const deliveryRates = signal<ReadonlyMap<string, number>>(new Map());

let last: { atMs: number; sums: Readonly<Record<string, number>> } | undefined;
let reported = new Map<string, { atMs: number; delivered: number }>();

/** A gateway tells its sum with each renewal of its lease: its rate is that between the last two. */
function rateOf({ id, live, facts }: Gateway): number | undefined {
  const atMs = Number(facts?.renewed_at);
  const delivered = Number(facts?.delivered);
  if (!live || !Number.isFinite(atMs) || !Number.isFinite(delivered)) return undefined;
  const before = reported.get(id);
  if (before?.atMs === atMs) return deliveryRates.value.get(id);
  reported.set(id, { atMs, delivered });
  return before ? perSecond(delivered - before.delivered, atMs - before.atMs) : undefined;
}

export function recordFigures(stats: Stats, atMs: number): void {
  const rates = new Map<string, number>();
  for (const gateway of stats.gateways) {
    const rate = rateOf(gateway);
    if (rate !== undefined) rates.set(gateway.id, rate);
  }
  deliveryRates.value = rates;
  const sums = stats.deliveries ?? {};
  const before = last;
  const grown = (name: string): number | null =>
    before ? perSecond((sums[name] ?? 0) - (before.sums[name] ?? 0), atMs - before.atMs) : null;
  const sample: Sample = {
    atMs,
    connected: stats.connected,
    waiting: stats.queue.waiting,
    delivered: rates.size > 0 ? [...rates.values()].reduce((sum, one) => sum + one, 0) : null,
    stored: grown('stored'),
    acknowledged: grown('acknowledged'),
    gateways: new Map(stats.gateways.map(({ id, sessions = 0 }) => [id, sessions])),
  };
  last = { atMs, sums };
  samples.value = [...samples.value, sample].slice(-KEPT);
}

/** Per second; null: not known yet. */
export function deliveredNow(): number | null {
  return samples.value.at(-1)?.delivered ?? null;
}

export function forgetFigures(): void {
  last = undefined;
  reported = new Map();
  samples.value = [];
  deliveryRates.value = new Map();
}

/** A sum that has become smaller has begun anew. */
function perSecond(growth: number, elapsedMs: number): number {
  return growth <= 0 || elapsedMs <= 0 ? 0 : (growth * 1000) / elapsedMs;
}

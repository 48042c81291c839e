/** What is looked at, of now and of the last hours. */
interface Now {
  readonly connected: number;
  readonly gateways: readonly { readonly live: boolean; readonly inbox?: number | undefined }[];
  readonly queue: { readonly waiting: number; readonly dead: number };
}

interface Past {
  readonly figures: {
    readonly step_s: number;
    readonly clients: readonly (number | null)[];
    readonly p95_ms: readonly (number | null)[];
  };
}

type Place = 'gateways' | 'live' | 'queue';

/** Something that somebody should look at, and where. */
export interface Problem {
  readonly kind: 'noGateway' | 'deadLetters' | 'queue' | 'leaseOver' | 'inbox' | 'slow' | 'fewer';
  readonly n: number;
  readonly view: Place;
  readonly isBad: boolean;
}

/** What waits longer than a moment: the gateways take thousands a second. */
const MANY_WAITING = 1_000;
const SLOW_MS = 1_000;
/** A fall by this share, and by at least this many clients, within a quarter of an hour. */
const FALL_SHARE = 0.3;
const FALL_CLIENTS = 10;
const FALL_WITHIN_S = 900;
/** Delivery times are looked at over the last steps together: one slow message of a quiet minute is no trouble. */
const SLOW_STEPS = 3;

/** What is wrong, the worst first; empty: all is well. */
export function problemsOf(stats: Now, day: Past | undefined): Problem[] {
  const problems: Problem[] = [];
  const add = (kind: Problem['kind'], n: number, view: Place, isBad: boolean): void => {
    if (n > 0) problems.push({ kind, n, view, isBad });
  };
  const live = stats.gateways.filter((gateway) => gateway.live);
  add('noGateway', live.length === 0 ? 1 : 0, 'gateways', true);
  add('fewer', fallOf(stats, day), 'live', true);
  add('leaseOver', stats.gateways.length - live.length, 'gateways', true);
  add('slow', slowMsOf(day), 'gateways', false);
  add('inbox', live.filter(({ inbox = 0 }) => inbox > MANY_WAITING).length, 'gateways', false);
  add('queue', stats.queue.waiting > MANY_WAITING ? stats.queue.waiting : 0, 'queue', false);
  add('deadLetters', stats.queue.dead, 'queue', false);
  return problems;
}

/** How many clients fewer there are than a quarter of an hour ago; 0: no fall to speak of. */
function fallOf({ connected }: Now, day: Past | undefined): number {
  if (!day) return 0;
  const { clients, step_s } = day.figures;
  const recent = clients.slice(-Math.ceil(FALL_WITHIN_S / step_s)).filter((one) => one !== null);
  const highest = recent.reduce((a, b) => Math.max(a, b), 0);
  const fall = highest - connected;
  return fall >= FALL_CLIENTS && fall > highest * FALL_SHARE ? fall : 0;
}

function slowMsOf(day: Past | undefined): number {
  const times = (day?.figures.p95_ms.slice(-SLOW_STEPS) ?? []).filter((one) => one !== null);
  return times.length === SLOW_STEPS && times.every((ms) => ms > SLOW_MS) ? Math.round(Math.min(...times)) : 0;
}

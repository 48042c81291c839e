import type { Random } from './random.ts';

/** What is done to the system, when, and to whom. Derived from the seed alone. */
export type Step = { readonly atMs: number } & (ClientStep | GatewayStep | StoreStep | LinkStep);

export type ClientStep =
  | { readonly what: 'takeover' | 'cut' | 'leave' | 'hang' | 'rotate token'; readonly receiver: number }
  /** It takes its own place again and again. */
  | { readonly what: 'flap'; readonly receiver: number; readonly times: number }
  /** It comes again elsewhere, and reads what the older connection still has only after a while, to its end. */
  | { readonly what: 'stall'; readonly receiver: number; readonly forMs: number }
  | { readonly what: 'cut sender'; readonly sender: number };

type GatewayStep =
  | { readonly what: 'kill gateway' | 'end gateway'; readonly place: number; readonly backAfterMs: number }
  | { readonly what: 'pause gateway'; readonly place: number; readonly forMs: number }
  | { readonly what: 'kill api'; readonly backAfterMs: number };

export type StoreStep =
  | { readonly what: 'crash redis'; readonly backAfterMs: number }
  | { readonly what: 'pause redis' | 'busy redis' | 'full redis'; readonly forMs: number }
  | { readonly what: 'kill connections' | 'flush scripts' }
  /** The replica has stopped following `lagMs` before it takes over. */
  | { readonly what: 'fail over'; readonly lagMs: number };

/** `link`: the place of a gateway, or their number for the API. */
export type LinkStep =
  | { readonly what: 'swallow link'; readonly link: number }
  | { readonly what: 'cut in reply'; readonly link: number; readonly afterBytes: number }
  | { readonly what: 'delay link'; readonly link: number; readonly byMs: number; readonly forMs: number }
  | { readonly what: 'hold link' | 'cut link'; readonly link: number; readonly forMs: number };

/** Gentle: nothing that lets a plain client see a message twice. */
export const PROFILES = ['store', 'gateways', 'redis', 'gentle', 'links', 'failover'] as const;
export type Profile = (typeof PROFILES)[number];
/** Those that seeds take in turn. A client of a cluster goes to the addresses that the cluster names, past every proxy. */
const IN_TURN: readonly Profile[] = ['store', 'gateways', 'redis', 'gentle', 'links'];
const IN_A_CLUSTER: readonly Profile[] = ['store', 'gateways', 'redis', 'gentle'];

interface Sizes {
  readonly receivers: number;
  readonly senders: number;
  readonly gateways: number;
  readonly leaseMs: number;
}

export function profileOf(seed: number, cluster: boolean): Profile {
  const profiles = cluster ? IN_A_CLUSTER : IN_TURN;
  return profiles[seed % profiles.length] ?? 'gentle';
}

export function planSteps(random: Random, profile: Profile, durationMs: number, sizes: Sizes): Step[] {
  const steps: Step[] = [];
  for (let at = 300; at < durationMs; at += random.between(30, 220)) {
    steps.push({ atMs: at, ...clientStep(random, profile, sizes) });
  }
  for (let at = random.between(600, 1_200); at < durationMs; at += random.between(1_300, 2_600)) {
    steps.push({ atMs: at, ...systemStep(random, profile, sizes) });
  }
  if (profile === 'failover') {
    const atMs = random.between(Math.round(durationMs * 0.3), Math.round(durationMs * 0.7));
    steps.push({ atMs, what: 'fail over', lagMs: random.between(100, 500) });
  }
  return steps.sort((a, b) => a.atMs - b.atMs);
}

function clientStep(random: Random, profile: Profile, { receivers, senders }: Sizes): ClientStep {
  const receiver = random.between(0, receivers - 1);
  const dice = random.next();
  if (dice < 0.4) return { what: 'takeover', receiver };
  if (dice < 0.6) return { what: 'leave', receiver };
  if (dice < 0.7) return { what: 'cut', receiver };
  if (dice < 0.77) return { what: 'hang', receiver };
  if (dice < 0.83) return { what: 'stall', receiver, forMs: random.between(100, 800) };
  if (dice < 0.87) return { what: 'flap', receiver, times: random.between(3, 8) };
  // A failover may bring the token before back.
  if (dice < 0.92 && profile !== 'failover') return { what: 'rotate token', receiver };
  return { what: 'cut sender', sender: random.between(0, senders - 1) };
}

function systemStep(random: Random, profile: Profile, sizes: Sizes): GatewayStep | StoreStep | LinkStep {
  if (profile === 'links') return linkStep(random, sizes);
  const place = random.between(0, sizes.gateways - 1);
  const backAfterMs = random.between(0, 800);
  const { short, long } = stops(random, sizes);
  const dice = random.next();
  if (profile === 'gentle') {
    return dice < 0.75 ? { what: 'end gateway', place, backAfterMs } : { what: 'kill api', backAfterMs };
  }
  if (profile === 'gateways') {
    if (dice < 0.4) return { what: 'kill gateway', place, backAfterMs };
    if (dice < 0.6) return { what: 'end gateway', place, backAfterMs };
    return { what: 'pause gateway', place, forMs: dice < 0.75 ? short : long };
  }
  if (profile === 'redis') {
    if (dice < 0.4) return { what: 'crash redis', backAfterMs };
    if (dice < 0.75) return { what: 'pause redis', forMs: dice < 0.6 ? short : long };
    return { what: 'kill gateway', place, backAfterMs };
  }
  if (profile === 'failover') {
    return dice < 0.5 ? { what: 'kill gateway', place, backAfterMs } : { what: 'pause gateway', place, forMs: short };
  }
  if (dice < 0.25) return { what: 'kill connections' };
  if (dice < 0.4) return { what: 'flush scripts' };
  if (dice < 0.6) return { what: 'busy redis', forMs: short };
  if (dice < 0.85) return { what: 'full redis', forMs: long };
  return { what: 'kill api', backAfterMs };
}

function linkStep(random: Random, sizes: Sizes): LinkStep {
  const link = random.between(0, sizes.gateways);
  const { short, long } = stops(random, sizes);
  const dice = random.next();
  if (dice < 0.2) return { what: 'swallow link', link };
  if (dice < 0.45) return { what: 'cut in reply', link, afterBytes: random.between(0, 40) };
  if (dice < 0.6) return { what: 'delay link', link, byMs: random.between(300, 500), forMs: long };
  if (dice < 0.9) return { what: 'hold link', link, forMs: dice < 0.75 ? short : long };
  return { what: 'cut link', link, forMs: short };
}

/** Shorter than a lease, and longer. */
function stops(random: Random, { leaseMs }: Sizes): { short: number; long: number } {
  const short = random.between(200, Math.round(leaseMs * 0.4));
  return { short, long: random.between(Math.round(leaseMs * 1.2), Math.round(leaseMs * 1.7)) };
}

export function describeStep(step: Step): string {
  const { atMs, what, ...rest } = step;
  return `${atMs} ms: ${what} ${Object.values(rest).join(', ')}`;
}

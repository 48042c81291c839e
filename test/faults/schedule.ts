import type { Random } from './random.ts';

/** What is done to the system, when, and to whom. Derived from the seed alone. */
export type Step = { readonly atMs: number } & (
  | { readonly what: 'takeover' | 'cut' | 'leave' | 'hang'; readonly receiver: number }
  | { readonly what: 'cut sender'; readonly sender: number }
  | { readonly what: 'kill gateway' | 'end gateway'; readonly place: number; readonly backAfterMs: number }
  | { readonly what: 'pause gateway'; readonly place: number; readonly forMs: number }
  | { readonly what: 'crash redis'; readonly backAfterMs: number }
  | { readonly what: 'pause redis'; readonly forMs: number }
);

/** Gentle: nothing that lets a plain client see a message twice. */
export const PROFILES = ['gentle', 'gateways', 'redis'] as const;
export type Profile = (typeof PROFILES)[number];

export interface Sizes {
  readonly receivers: number;
  readonly senders: number;
  readonly gateways: number;
  readonly leaseMs: number;
}

export function profileOf(seed: number): Profile {
  return PROFILES[seed % PROFILES.length] ?? 'gentle';
}

export function planSteps(random: Random, profile: Profile, durationMs: number, sizes: Sizes): Step[] {
  const steps: Step[] = [];
  for (let at = 300; at < durationMs; at += random.between(30, 220)) steps.push(clientStep(random, at, sizes));
  for (let at = random.between(600, 1_200); at < durationMs; at += random.between(1_300, 2_600)) {
    steps.push(systemStep(random, profile, at, sizes));
  }
  return steps.sort((a, b) => a.atMs - b.atMs);
}

function clientStep(random: Random, atMs: number, { receivers, senders }: Sizes): Step {
  const receiver = random.between(0, receivers - 1);
  const dice = random.next();
  if (dice < 0.5) return { atMs, what: 'takeover', receiver };
  if (dice < 0.7) return { atMs, what: 'leave', receiver };
  if (dice < 0.82) return { atMs, what: 'cut', receiver };
  if (dice < 0.9) return { atMs, what: 'hang', receiver };
  return { atMs, what: 'cut sender', sender: random.between(0, senders - 1) };
}

function systemStep(random: Random, profile: Profile, atMs: number, { gateways, leaseMs }: Sizes): Step {
  const place = random.between(0, gateways - 1);
  const backAfterMs = random.between(0, 800);
  const short = random.between(200, Math.round(leaseMs * 0.4));
  const long = random.between(Math.round(leaseMs * 1.2), Math.round(leaseMs * 1.7));
  if (profile === 'gentle') return { atMs, what: 'end gateway', place, backAfterMs };
  const dice = random.next();
  if (profile === 'gateways') {
    if (dice < 0.4) return { atMs, what: 'kill gateway', place, backAfterMs };
    if (dice < 0.6) return { atMs, what: 'end gateway', place, backAfterMs };
    return { atMs, what: 'pause gateway', place, forMs: dice < 0.75 ? short : long };
  }
  if (dice < 0.4) return { atMs, what: 'crash redis', backAfterMs };
  if (dice < 0.75) return { atMs, what: 'pause redis', forMs: dice < 0.6 ? short : long };
  return { atMs, what: 'kill gateway', place, backAfterMs };
}

export function describeStep(step: Step): string {
  const { atMs, what, ...rest } = step;
  return `${atMs} ms: ${what} ${Object.values(rest).join(', ')}`;
}

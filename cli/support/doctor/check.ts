/** `warn`: it works now, but will fail under load or later. `skipped`: it could not be checked from here. */
export type State = 'ok' | 'warn' | 'fail' | 'skipped';

export interface Check {
  name: string;
  state: State;
  /** The finding, in a few words. */
  found: string;
  /** How to fix it; for a skipped check, how to enable it. */
  mend?: string;
}

/** Checks of one area, in reading order. */
export interface Area {
  title: string;
  checks: Check[];
}

export const ok = (name: string, found: string): Check => ({ name, state: 'ok', found });
export const warn = (name: string, found: string, mend: string): Check => ({ name, state: 'warn', found, mend });
export const fail = (name: string, found: string, mend: string): Check => ({ name, state: 'fail', found, mend });
export const skipped = (name: string, found: string, mend: string): Check => ({ name, state: 'skipped', found, mend });

/** Tolerances of a clock: beyond the first, displayed times are wrong; beyond the second, tokens expire early or late. */
const CLOCK_WARN_MS = 2_000;
const CLOCK_FAIL_MS = 30_000;

/** `aheadMs`: the lead of the other clock over ours, with an uncertainty of `uncertainMs`. */
export function clockCheck(name: string, aheadMs: number, uncertainMs: number): Check {
  const offMs = Math.max(0, Math.abs(aheadMs) - uncertainMs);
  const mend = 'Let both machines set their clocks by NTP (timedatectl set-ntp true).';
  const found = `${(Math.abs(aheadMs) / 1_000).toFixed(1)} s ${aheadMs > 0 ? 'ahead of' : 'behind'} this machine`;
  if (offMs > CLOCK_FAIL_MS) return fail(name, found, mend);
  return offMs > CLOCK_WARN_MS ? warn(name, found, mend) : ok(name, 'as on this machine');
}

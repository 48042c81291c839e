import { InvalidArgumentError } from 'commander';

/** A parser of times for commander. Returns Unix seconds, rounded up: a message must not be early. */
export function moment(text: string): number {
  const ms = /^\d+$/.test(text) ? Number(text) * 1_000 : Date.parse(text);
  if (Number.isFinite(ms)) return Math.ceil(ms / 1_000);
  throw new InvalidArgumentError('It must be a time such as 2026-12-01T08:00, 2026-12-01T08:00Z or Unix seconds.');
}

/** `not_before` for a message that is due `seconds` from now. */
export function secondsFromNow(seconds: number): number {
  return Math.ceil(Date.now() / 1_000) + seconds;
}

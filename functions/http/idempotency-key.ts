import { HttpRefusal } from './refusal.ts';

/** The header `Idempotency-Key`, or undefined. Refuses with 400 a value that is not 1 to 255 visible ASCII characters. */
export function idempotencyKeyOf(header: string | undefined): string | undefined {
  if (header !== undefined && !/^[\x20-\x7e]{1,255}$/.test(header)) throw new HttpRefusal(400, 'bad_idempotency_key');
  return header;
}

/** The name of the record of one step of a request; the first is 0. No key of a caller has a line feed. */
export function nameOfStep(name: string, at: number): string {
  return at === 0 ? name : `${name}\n${at}`;
}

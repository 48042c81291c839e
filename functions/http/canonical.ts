import { createHash } from 'node:crypto';
import type {} from '../../shared/raw-json.ts';

/** SHA-256 of a JSON value, whatever blanks or order of members it was written with. */
export function canonicalDigest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value, sortMembers)).digest('hex');
}

function sortMembers(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || JSON.isRawJSON(value)) return value;
  // Without a prototype, so that a member named __proto__ is one like any other.
  const sorted: Record<string, unknown> = Object.create(null);
  for (const key of Object.keys(value).sort()) sorted[key] = Reflect.get(value, key);
  return sorted;
}

import { createHash } from 'node:crypto';
import { isJsonObject } from '../../shared/raw-json.ts';

/** SHA-256 of a JSON value, independent of blanks and of the order of members. */
export function canonicalDigest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value, sortMembers)).digest('hex');
}

function sortMembers(_key: string, value: unknown): unknown {
  if (!isJsonObject(value)) return value;
  // Without a prototype, so that a member named __proto__ is an ordinary one.
  const sorted: Record<string, unknown> = Object.create(null);
  for (const key of Object.keys(value).sort()) sorted[key] = value[key];
  return sorted;
}

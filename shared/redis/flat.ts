/** The pairs of a flat reply: field, value, field, value … as HGETALL, HSCAN and stream entries have them. */
export function pairsOf(flat: readonly string[]): [field: string, value: string][] {
  const pairs: [string, string][] = [];
  for (let at = 0; at + 1 < flat.length; at += 2) pairs.push([String(flat[at]), String(flat[at + 1])]);
  return pairs;
}

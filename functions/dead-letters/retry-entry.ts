import type {} from '../../shared/raw-json.ts';

/** The entry for these recipients alone, given as JSON; everything else stays as its producer wrote it, escapes and digits. */
export function entryFor(entry: string, recipients: string): string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(entry, asWritten);
  } catch {
    // Nothing that the drain wrote. It will be a dead letter again, and say why.
    return entry;
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return entry;
  return JSON.stringify({ ...parsed, chat_to: JSON.parse(recipients) });
}

/** Node 20, on which `fronttcp dev` may run, does not tell how it was written: there the values are all. */
function asWritten(_key: string, value: unknown, context?: { source?: string }): unknown {
  return context?.source === undefined ? value : JSON.rawJSON(context.source);
}

import type {} from '../shared/http/raw-json.ts';

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

function asWritten(_key: string, value: unknown, { source }: { source?: string }): unknown {
  return source === undefined ? value : JSON.rawJSON(source);
}

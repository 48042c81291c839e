import { isJsonObject } from '../../shared/raw-json.ts';

/** Returns the entry for these recipients only (JSON). Everything else keeps the producer's text, with its escapes and digits. */
export function entryFor(entry: string, recipients: string): string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(entry, asWritten);
  } catch {
    // The drain did not write it. It will become a dead letter again, with a reason.
    return entry;
  }
  if (!isJsonObject(parsed)) return entry;
  return JSON.stringify({ ...parsed, chat_to: JSON.parse(recipients) });
}

/** Node 20, on which `fronttcp dev` may run, does not give the source text: there only the values are kept. */
function asWritten(_key: string, value: unknown, context?: { source?: string }): unknown {
  return context?.source === undefined ? value : JSON.rawJSON(context.source);
}

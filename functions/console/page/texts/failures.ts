import type { Failure } from '../api/request.ts';
import { text } from './texts.ts';

/** What the API said, or our own words where it could not say anything. */
export function failureText(failure: Failure): string {
  if (failure.kind === 'refused') return failure.message;
  if (failure.kind === 'network') return text('failure.network');
  return failure.message || text(`failure.${failure.kind}`);
}

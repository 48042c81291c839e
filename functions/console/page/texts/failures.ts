import type { Failure } from '../api/request.ts';
import { text } from './texts.ts';

/** A refusal in the words of the API, which alone knows what it was; all else in our own. */
export function failureText(failure: Failure): string {
  return failure.kind === 'refused' ? failure.message : text(`failure.${failure.kind}`);
}

import { signal } from '@preact/signals';
import { type DeadLetter, deleteDeadLetter, listDeadLetters, retryDeadLetter } from '../api/dead-letters.ts';
import type { Failure } from '../api/request.ts';
import { pagedList } from './paged.ts';

/** Of all letters, shown or not. */
export const totalLetters = signal(0);

export const letters = pagedList<DeadLetter>(async (_query, cursor, abort) => {
  const answer = await listDeadLetters(cursor, abort);
  if (!answer.ok) return answer;
  totalLetters.value = answer.value.total;
  return { ok: true, value: { items: answer.value.letters, cursor: answer.value.cursor } };
});

export type LetterAction = 'retry' | 'delete';

/** One by one, the oldest first, so that they come back into the queue in their order. Ends with the first failure but "it is gone". */
export async function takeLetters(
  ids: readonly string[],
  action: LetterAction,
  progress: (done: number) => void,
): Promise<Failure | undefined> {
  const take = action === 'retry' ? retryDeadLetter : deleteDeadLetter;
  for (const [at, id] of ids.toReversed().entries()) {
    const answer = await take(id);
    // Somebody else may have been quicker.
    if (!answer.ok && (answer.failure.kind !== 'refused' || ids.length === 1)) return answer.failure;
    progress(at + 1);
  }
  return undefined;
}

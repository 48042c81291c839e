import { z } from 'zod';
import { deadLettersAnswer } from '../../functions/dead-letters/schema.ts';
import type { Api } from './api.ts';
import { ExitCode, Failure } from './failure.ts';

export type DeadLetter = z.infer<typeof deadLettersAnswer>['letters'][number];

const MAX_PAGE = 100;

/** The newest first. */
export async function listDeadLetters(api: Api, limit: number): Promise<{ letters: DeadLetter[]; total: number }> {
  const letters: DeadLetter[] = [];
  let total = 0;
  let cursor: string | null = null;
  do {
    const query = new URLSearchParams({ limit: String(Math.min(MAX_PAGE, limit - letters.length)) });
    if (cursor !== null) query.set('cursor', cursor);
    const page: z.infer<typeof deadLettersAnswer> = await api.call('GET', `/dead-letters?${query}`, deadLettersAnswer);
    letters.push(...page.letters);
    ({ total, cursor } = page);
  } while (cursor !== null && letters.length < limit);
  return { letters, total };
}

export type Decision = 'retry' | 'delete';

/** Returns false when the letter is gone: somebody else has retried or deleted it. */
export async function decide(api: Api, id: string, decision: Decision): Promise<boolean> {
  const path = `/dead-letters/${encodeURIComponent(id)}`;
  const [method, route] = decision === 'retry' ? ['POST', `${path}/retry`] : ['DELETE', path];
  try {
    await api.call(method ?? '', route ?? '', z.object({}));
    return true;
  } catch (error) {
    if (error instanceof Failure && error.exitCode === ExitCode.failed && error.status === 404) return false;
    throw error;
  }
}

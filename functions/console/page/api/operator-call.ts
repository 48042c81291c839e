import type { ZodMiniType } from 'zod/mini';
import { endSessionOn, session } from '../state/session.ts';
import { type Answer, type Call, request } from './request.ts';

/** A call with the operator's token. One that is refused because of it ends the session. */
export async function operatorCall<T>(schema: ZodMiniType<T>, call: Omit<Call, 'token'>): Promise<Answer<T>> {
  const token = session.value?.token ?? '';
  const answer = await request(schema, { ...call, token });
  if (!answer.ok) endSessionOn(answer.failure, token);
  return answer;
}

/** `path?a=b`, without the members that are undefined or empty. */
export function pathWith(path: string, members: Readonly<Record<string, string | undefined>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(members)) if (value) query.set(name, value);
  return query.size > 0 ? `${path}?${query}` : path;
}

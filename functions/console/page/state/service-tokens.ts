import { signal } from '@preact/signals';
import type { Failure } from '../api/request.ts';
import { listServiceTokens, type ServiceToken } from '../api/service-tokens.ts';

/** Undefined until the first answer. */
export const serviceTokens = signal<readonly ServiceToken[] | undefined>(undefined);

let running: AbortController | undefined;

export async function refreshServiceTokens(): Promise<Failure | undefined> {
  running?.abort();
  const own = new AbortController();
  running = own;
  const answer = await listServiceTokens(own.signal);
  if (own.signal.aborted) return undefined;
  if (!answer.ok) return answer.failure;
  serviceTokens.value = answer.value.tokens.toSorted((a, b) => b.created_at - a.created_at);
  return undefined;
}

export function forgetServiceTokens(): void {
  running?.abort();
  serviceTokens.value = undefined;
}

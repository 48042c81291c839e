import { signal } from '@preact/signals';
import { listCommands, type PastCommand } from '../api/commands.ts';
import type { Failure } from '../api/request.ts';
import { readUser, type UserDetail } from '../api/users.ts';

export type Detail =
  | { kind: 'there'; id: string; user: UserDetail; commands: readonly PastCommand[] }
  /** In the words of the API. */
  | { kind: 'missing'; id: string; message: string };

/** Undefined until the first response for the shown user. */
export const detail = signal<Detail | undefined>(undefined);

const RECENT = '10';
let running: AbortController | undefined;

/** Reads one user, and the last commands to that user. */
export async function refreshDetail(id: string): Promise<Failure | undefined> {
  running?.abort();
  const own = new AbortController();
  running = own;
  if (detail.value?.id !== id) detail.value = undefined;
  const [user, past] = await Promise.all([
    readUser(id, own.signal),
    listCommands({ to: id, limit: RECENT }, own.signal),
  ]);
  if (own.signal.aborted) return undefined;
  if (!user.ok && user.failure.kind === 'refused') {
    detail.value = { kind: 'missing', id, message: user.failure.message };
    return undefined;
  }
  if (!user.ok) return user.failure;
  if (!past.ok) return past.failure;
  detail.value = { kind: 'there', id, user: user.value, commands: past.value.commands };
  return undefined;
}

export function forgetDetail(): void {
  running?.abort();
  detail.value = undefined;
}

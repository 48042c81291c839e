import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { z } from 'zod';
import { ServerCommand } from '../../contract/wire/command-ids.ts';
import { sentAnswer } from '../../functions/send-command/schema.ts';
import type { Api } from './api.ts';
import { BusyFailure } from './failure.ts';

type Counts = z.infer<typeof sentAnswer>['recipients'];

/** The message to each recipient. */
export interface Content {
  /** The id of an application message; undefined: a chat. */
  commandId: number | undefined;
  content: unknown;
  ttl_s?: number;
  /** Unix seconds. */
  not_before?: number;
  replaces?: string;
  receipt?: true;
}

interface ManySent {
  ids: string[];
  recipients: Counts;
  /** Number of recipients so far: fewer than all after an interruption. */
  done: number;
}

interface ManyOptions {
  /** Recipients of one request. */
  batch: number;
  /** With the same key a second run continues after an interrupted one: nothing is sent twice. */
  key: string;
  signal: AbortSignal;
  progress(done: number): void;
  /** The API requested a pause. */
  waiting(seconds: number, why: string): void;
}

const MAX_ATTEMPTS = 10;

export const newKey = (): string => randomUUID();

/** Sends to any number of recipients, one request after the other, each with its own idempotency key. */
export async function sendToMany(
  api: Api,
  recipients: readonly string[],
  { commandId, ...content }: Content,
  options: ManyOptions,
): Promise<ManySent> {
  const sent: ManySent = { ids: [], recipients: { online: 0, stored: 0, unknown: 0 }, done: 0 };
  for (let at = 0; at < recipients.length && !options.signal.aborted; at += options.batch) {
    const chat_to = recipients.slice(at, at + options.batch);
    const command_id = commandId ?? (recipients.length === 1 ? ServerCommand.single : ServerCommand.group);
    const headers = { 'idempotency-key': `${options.key}/${at / options.batch}` };
    const body = { command_id, chat_to, ...content };
    const answer = await patiently(() => api.call('POST', '/send-command', sentAnswer, { body, headers }), options);
    sent.ids.push(answer.id);
    for (const name of ['online', 'stored', 'unknown'] as const) sent.recipients[name] += answer.recipients[name];
    const { scheduled } = answer.recipients;
    if (scheduled !== undefined) sent.recipients.scheduled = (sent.recipients.scheduled ?? 0) + scheduled;
    sent.done += chat_to.length;
    options.progress(sent.done);
  }
  return sent;
}

/** Retries as often as the API requests it. */
async function patiently<T>(call: () => Promise<T>, { signal, waiting }: ManyOptions): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof BusyFailure) || attempt === MAX_ATTEMPTS || signal.aborted) throw error;
      waiting(error.retryAfterSeconds, error.message);
      await delay(error.retryAfterSeconds * 1_000, undefined, { signal }).catch(() => undefined);
    }
  }
}

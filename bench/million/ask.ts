import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { userId } from '../support/redis.ts';

const SINGLES_PER_SECOND = 1_000;
const SINGLES_SECONDS = 10;
const TICK_MS = 10;

/** One message to everybody, through the public queue. */
export async function sendBroadcast(redis: Redis): Promise<void> {
  await redis.lpush('front_tcp', JSON.stringify({ command_id: 104, chat_from: 'bench', chat_content: payload() }));
}

/** Single messages to random users, 1,000 a second, through the public queue. Returns the number of messages. */
export async function sendSingles(redis: Redis, users: number): Promise<number> {
  const total = SINGLES_PER_SECOND * SINGLES_SECONDS;
  const startedAt = performance.now();
  let sent = 0;
  while (sent < total) {
    const due = Math.min(total, Math.ceil(((performance.now() - startedAt) * SINGLES_PER_SECOND) / 1_000));
    const entries: string[] = [];
    for (; sent < due; sent++) entries.push(single(userId(Math.floor(Math.random() * users))));
    if (entries.length > 0) await redis.lpush('front_tcp', ...entries);
    await delay(TICK_MS);
  }
  return total;
}

function single(to: string): string {
  return JSON.stringify({ command_id: 102, chat_from: 'bench', chat_to: [to], chat_content: payload() });
}

/** As the generator writes it (bench/load/loadgen.c): the time on the machine's monotonic clock, ns, then padding to 100. */
function payload(): string {
  const time = process.hrtime.bigint().toString(16).padStart(16, '0');
  return `@${time}${'0'.repeat(16)}`.padEnd(100, 'x');
}

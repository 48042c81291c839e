import type { z } from 'zod';
import type { Keys } from '../../contract/store/keys.ts';
import { tupleOf } from '../../contract/store/redis-reply.ts';
import { defineScript, readLua } from '../../contract/store/scripts/library.ts';
import { parseSteps } from '../../contract/store/scripts/receipts.ts';
import type { RedisPort } from '../../shared/redis/port.ts';
import { listCommands } from './list-commands.ts';
import type { timelineAnswer, timelineEntry } from './schema.ts';

type Entry = z.infer<typeof timelineEntry>;

const MAX_EVENTS = 30;
const MAX_COMMANDS = 20;
/** Each looks at 2,000 events of the deployment. */
const EVENT_CALLS = 5;

const eventsScript = defineScript('user_events', readLua(new URL('./user-events.lua', import.meta.url)));

/** What happened to one user lately: connections from the lifecycle events, messages from the audit and the receipts. */
export async function readTimeline(
  redis: RedisPort,
  keys: Keys,
  userId: string,
): Promise<z.infer<typeof timelineAnswer>> {
  const [{ events, since }, messages] = await Promise.all([
    readEvents(redis, keys, userId),
    readMessages(redis, keys, userId),
  ]);
  return { entries: [...events, ...messages].sort((a, b) => b.at - a.at), events_since: since };
}

async function readEvents(
  redis: RedisPort,
  keys: Keys,
  userId: string,
): Promise<{ events: Entry[]; since: number | null }> {
  const events: Entry[] = [];
  let before = '+';
  for (let call = 0; call < EVENT_CALLS; call += 1) {
    const args = [keys.prefix, userId, before, MAX_EVENTS - events.length];
    const reply = await redis.script(eventsScript, [keys.users], args);
    const [rows, next, at] = tupleOf(reply, 'rows', 'text', 'text');
    events.push(...rows.map(eventOf));
    if (next === '') return { events, since: null };
    if (events.length === MAX_EVENTS || call === EVENT_CALLS - 1) return { events, since: Number(at) };
    before = next;
  }
  return { events, since: null };
}

function eventOf([what = '', at, epoch, gateway = '', reason = '']: readonly string[]): Entry {
  return { at: Number(at), what, gateway, epoch: Number(epoch), ...(reason === '' ? {} : { reason }) };
}

async function readMessages(redis: RedisPort, keys: Keys, userId: string): Promise<Entry[]> {
  const { commands } = await listCommands(redis, keys, { to: userId, limit: MAX_COMMANDS });
  if (commands.length === 0) return [];
  const fields = await redis.pipeline(commands.map(({ id }) => ['HGET', keys.receipt(id), `u:${userId}`]));
  return commands.flatMap(({ id, command_id, from, accepted_at }, at) => {
    const head = { message: id, command_id };
    const sent: Entry = { at: accepted_at, what: 'sent', from, ...head };
    const field = fields[at];
    if (typeof field !== 'string') return [sent];
    const { steps, state, reason } = parseSteps(userId, field);
    return [
      sent,
      ...steps.map((step) => ({
        at: step.atMs,
        what: step.state,
        ...head,
        ...(step.state === state && reason !== undefined ? { reason } : {}),
      })),
    ];
  });
}

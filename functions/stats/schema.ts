import { z } from 'zod';
import { MAX_USER_ID_LENGTH } from '../../contract/wire/commands.ts';

const count = z.int();

export const statsAnswer = z.object({
  connected: count.meta({ description: 'Verified connections of all live gateways.' }),
  users: count.meta({ description: 'Users that are known.' }),
  gateways: z.array(
    z.object({
      id: z.string(),
      live: z
        .boolean()
        .meta({ description: 'Whether its lease runs. One without is about to be taken down by another.' }),
      sessions: count,
      lease_expires_at: z.int().meta({ description: 'Unix milliseconds, by the clock of Redis.' }),
      inbox: count.meta({ description: 'Entries that it has yet to deliver.' }),
      facts: z.record(z.string(), z.string()).meta({ description: 'What the gateway reports of itself.' }),
    }),
  ),
  queue: z.object({
    waiting: count.meta({ description: 'Entries of the list front_tcp.' }),
    dead: count.meta({ description: 'Entries of the list front_tcp:dead.' }),
  }),
  deliveries: z.record(z.string(), count).meta({
    description: 'Sums since the deployment began: routed, stored, written, acknowledged, lost, broadcasts, …',
  }),
});

const MAX_HOURS = 24;

export const historyQuery = z.strictObject({
  hours: z
    .string()
    .regex(/^\d{1,2}$/)
    .transform(Number)
    .pipe(z.int().min(1).max(MAX_HOURS))
    .default(MAX_HOURS),
});

const series = (description: string) => z.array(z.number().nullable()).meta({ description });

export const historyAnswer = z.object({
  from: z.int().meta({ description: 'Unix seconds: where the first step begins.' }),
  step_s: z.int().meta({ description: 'Seconds of a step: 60 up to four hours, else 300.' }),
  clients: series('Verified connections, per step; null: no gateway reported.'),
  gateways: series('Gateways that reported.'),
  delivered_per_s: series('Messages written to connections, per second.'),
  p50_ms: series('Half of the messages took no longer, from accepted to written; null: there were none.'),
  p95_ms: series('95 of 100 messages took no longer.'),
});

export const tailQuery = z.strictObject({
  user: z.string().max(MAX_USER_ID_LENGTH).default(''),
  cursor: z
    .string()
    .regex(/^\d{1,16}-\d{1,16}_\d{1,16}-\d{1,16}$/)
    .optional(),
});
export type TailQuery = z.output<typeof tailQuery>;

const text = z.string().optional();

export const tailAnswer = z.object({
  lines: z
    .array(
      z.object({
        at: z.number().meta({ description: 'Unix milliseconds.' }),
        type: z
          .string()
          .meta({ description: 'connected, disconnected, lost, delivered, refused, verify_refused, skipped.' }),
        gateway: z.string(),
        user: text,
        message: text.meta({ description: 'The id of the message.' }),
        command: z.number().optional().meta({ description: 'The command id of the frame.' }),
        way: text.meta({ description: 'How it came to its gateway: direct, inbox, mailbox, broadcast.' }),
        reason: text,
        epoch: z.number().optional(),
        count: z.number().optional().meta({ description: 'Of `skipped`: lines over the limit of a gateway.' }),
      }),
    )
    .meta({ description: 'Ids and codes, no contents; in the order of time, at most 300.' }),
  skipped: z.int().meta({ description: 'Older lines that this response has no room for.' }),
  cursor: z.string().meta({ description: 'For the next call, within ten seconds.' }),
});

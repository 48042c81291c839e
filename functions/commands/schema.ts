import { z } from 'zod';
import { DELIVERY_STATES } from '../../contract/store/scripts/receipts.ts';
import { MAX_USER_ID_LENGTH } from '../../contract/wire/commands.ts';
import { beforeEntry, pageLimit } from '../http/paging.ts';

const MAX_PAGE = 100;
/** `service:` and the longest name of a service token are shorter. */
const MAX_SENDER_LENGTH = MAX_USER_ID_LENGTH;

export const commandsQuery = z.strictObject({
  limit: pageLimit(MAX_PAGE, 50),
  before: beforeEntry,
  from: z.string().max(MAX_SENDER_LENGTH).optional(),
  to: z.string().max(MAX_USER_ID_LENGTH).optional(),
});
export type CommandsQuery = z.output<typeof commandsQuery>;

export const deliveryState = z.enum(DELIVERY_STATES).meta({
  description:
    'scheduled: waits for its time · stored: waits in the mailbox · routed: on its way to a connection · ' +
    'written: handed to the operating system of the gateway · acknowledged: the client has it · replied: the client has replied · ' +
    'expired: its time was over · replaced: a newer command with the same key took its place · cancelled: taken back · failed: see `reason`.',
});

export const commandAnswer = z.object({
  id: z.string(),
  command_id: z.int(),
  from: z.string().meta({ description: 'The sender: a user id, or `service:<name>`.' }),
  accepted_at: z.int().meta({ description: 'Unix milliseconds.' }),
  recipients: z
    .array(
      z.object({
        phone_number: z.string(),
        state: deliveryState,
        reason: z.string().optional().meta({ description: 'Such as unknown_user, offline, mailbox_full, expired.' }),
        reply: z.unknown().optional().meta({ description: 'What the device replied.' }),
        steps: z.array(z.object({ state: deliveryState, at: z.int().meta({ description: 'Unix milliseconds.' }) })),
      }),
    )
    .meta({
      description:
        'By user id. Of a broadcast: those that it has reached. Of a group, and of more than about 1,000 recipients: one page.',
    }),
  group: z.string().optional().meta({ description: 'The group that it was sent to.' }),
  members: z.int().optional().meta({ description: 'How many the group had at acceptance.' }),
  states: z.partialRecord(deliveryState, z.int()).optional().meta({ description: 'Members in each state.' }),
  cursor: z
    .string()
    .nullable()
    .optional()
    .meta({ description: 'Of the next page; null: this was the last. Missing: `recipients` has all.' }),
});

/** The cursor of HSCAN is an unsigned number of 64 bits: Redis refuses a larger one. */
const MAX_SCAN_CURSOR = String(2n ** 64n - 1n);

export const commandQuery = z.strictObject({
  cursor: z
    .string()
    .regex(/^\d{1,20}$/)
    .refine((cursor) => cursor.length < MAX_SCAN_CURSOR.length || cursor <= MAX_SCAN_CURSOR, 'is not valid')
    .optional(),
});

export const pastCommand = z.object({
  id: z.string(),
  command_id: z.int(),
  from: z.string().meta({ description: 'A user id, or `service:<name>` of a service token.' }),
  accepted_at: z.int().meta({ description: 'Unix milliseconds.' }),
  to: z.array(z.string()).nullable().meta({ description: 'The first hundred recipients; null: everyone.' }),
  recipients: z.int().nullable().meta({ description: 'How many there were; null: everyone.' }),
  receipt: z
    .object({
      recipients: z.int().meta({ description: 'Of a broadcast: those that it has reached.' }),
      states: z
        .partialRecord(deliveryState, z.int())
        .nullable()
        .meta({ description: 'How many are in which state; null: too many for a list, see GET /commands/{id}.' }),
    })
    .nullable()
    .meta({ description: 'null: none was asked for, or its time is over.' }),
});

export const commandsAnswer = z.object({
  commands: z.array(pastCommand).meta({ description: 'The newest first. There may be more behind a short page.' }),
  cursor: z.string().nullable().meta({ description: '`before` of the next page; null: this was the last.' }),
});

export const cancelAnswer = z.object({
  cancelled: z.int().meta({ description: 'Recipients for whom it was cancelled.' }),
  too_late: z.int().meta({ description: 'Recipients that have it, or whose connection it is on its way to.' }),
});

export const timelineEntry = z.object({
  at: z.int().meta({ description: 'Unix milliseconds.' }),
  what: z.string().meta({ description: 'connected, disconnected, lost; sent, and the states of a receipt.' }),
  gateway: z.string().optional(),
  epoch: z.int().optional().meta({ description: 'Of a connection: names the session.' }),
  message: z.string().optional().meta({ description: 'The id of the command.' }),
  command_id: z.int().optional(),
  from: z.string().optional().meta({ description: 'Of `sent`: who sent it.' }),
  reason: z.string().optional(),
});

export const timelineAnswer = z.object({
  entries: z
    .array(timelineEntry)
    .meta({ description: 'The newest first: up to 30 events and 20 commands with their states.' }),
  events_since: z
    .int()
    .nullable()
    .meta({ description: 'Unix milliseconds: earlier connections were not looked for; null: all that are kept were.' }),
});

import { z } from 'zod';
import { beforeEntry, pageLimit } from '../http/paging.ts';

const MAX_PAGE = 500;

export const auditQuery = z.strictObject({
  limit: pageLimit(MAX_PAGE, 100),
  before: beforeEntry,
});
export type AuditQuery = z.output<typeof auditQuery>;

export const auditRecord = z.object({
  id: z.string(),
  at: z.int().meta({ description: 'Unix milliseconds.' }),
  by: z.string().meta({ description: 'A user id, or `service:<name>` of a service token.' }),
  kind: z.string().meta({
    description:
      'send, withdraw, cancel, disconnect, user_added, password_set, user_token_made, user_token_revoked, user_removed, ' +
      'drop_message, mailbox_cleared, token_created, token_revoked, dead_letter_retried, dead_letter_deleted, ' +
      'group_changed, group_deleted.',
  }),
  target: z.string().nullable().meta({
    description:
      'What the action changed: a user, a service token, a dead letter or a group. Of a send to a group: its name.',
  }),
  message_id: z.string().nullable(),
  command_id: z.int().nullable(),
  to: z.array(z.string()).nullable().meta({ description: 'The first hundred recipients; null: everyone, or nobody.' }),
  recipients: z.int().nullable().meta({ description: 'How many there were; null: everyone.' }),
});

export const auditAnswer = z.object({
  records: z.array(auditRecord).meta({ description: 'The newest first.' }),
  cursor: z.string().nullable().meta({ description: '`before` of the next page; null: this was the last.' }),
});

import type { Operation, Operations } from './operation.ts';

const sendCommand: Operation = {
  summary: 'Send a command, or up to 100',
  description:
    'To connected clients at once, into the mailboxes of offline ones. `commands` sends many: each has its own result, and a bad ' +
    'one has `code` 0 in its place. With `Idempotency-Key` a retry is answered as the first time and sends nothing again, for a day. ' +
    'After 503 nothing was accepted. With `wait` the response comes when the step is reached: 202 when the time is over first, and 409 ' +
    'with the reason as `error` when it can no longer happen.',
  who: 'operator',
  parameters: ['idempotencyKey', 'traceparent'],
  request: 'SendRequest',
  answer: 'Sent',
  mayBePending: true,
  refusals: [400, 404, 409, 413, 429, 503],
};

export const commandOperations = {
  'POST /send-command': sendCommand,
  'POST /web/send-command': sendCommand,
  'GET /commands': {
    summary: 'What was sent',
    description:
      'From the audit, so as far back as AUDIT_MAX keeps it, with a summary of each receipt. Ids, not contents. `to` finds the commands ' +
      'that name a user among their first hundred recipients; no broadcasts.',
    who: 'operator',
    parameters: ['shortLimit', 'before', 'from', 'to'],
    answer: 'Commands',
    refusals: [400, 503],
  },
  'GET /commands/{id}': {
    summary: 'What has become of a command',
    description:
      'For commands that were sent with `receipt: true`. Of a send to a group: counts per state, and the members in pages. More than ' +
      'about 1,000 recipients come in pages, too.',
    who: 'operator',
    parameters: ['id', 'cursor'],
    answer: 'Command',
    refusals: [400, 404, 503],
  },
  'DELETE /commands': {
    summary: 'Cancel what a call with this Idempotency-Key sent',
    description: 'For a caller that has the key and no id. Otherwise as `DELETE /commands/{id}`.',
    who: 'operator',
    parameters: ['requiredIdempotencyKey'],
    answer: 'Cancellation',
    refusals: [400, 404, 503],
  },
  'DELETE /commands/{id}': {
    summary: 'Cancel a command',
    description:
      'Messages that have not been written yet: scheduled ones, and those waiting for offline users. Receipts end as `cancelled`. Repeated, ' +
      'it cancels nothing more. A command that was on its way at once and has no receipt is known for two minutes.',
    who: 'operator',
    parameters: ['id'],
    answer: 'Cancellation',
    refusals: [404, 503],
  },
  'GET /users/{phone_number}/timeline': {
    summary: 'What happened to a user lately',
    description:
      'Connections from the lifecycle events, of which the last 10,000 of the deployment are looked at; commands from the audit, with the ' +
      'states of their receipts.',
    who: 'operator',
    parameters: ['phoneNumber'],
    answer: 'Timeline',
    refusals: [503],
  },
  'GET /audit': {
    summary: 'The audit: senders, messages and recipients',
    description: 'Ids, not contents; bounded by AUDIT_MAX, the oldest go first.',
    who: 'operator',
    parameters: ['limit', 'before'],
    answer: 'Audit',
    refusals: [400, 503],
  },
} as const satisfies Operations;

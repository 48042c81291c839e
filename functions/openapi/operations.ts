import type { RouteKey } from '../routes.ts';
import type { SchemaName } from './schemas.ts';

/** The description of a route, beside its schemas. Every route has a row: the compiler requires it. */
export interface Operation {
  readonly summary: string;
  readonly description?: string;
  readonly who: 'anyone' | 'user' | 'operator';
  readonly parameters?: readonly ParameterName[];
  readonly request?: SchemaName;
  /** Members of a 200 beside `code` and `message`; empty: only those. `html`: a page. */
  readonly answer?: SchemaName | 'html' | 'openapi';
  /** 202 has the same members as 200: the requested step may still happen. */
  readonly mayBePending?: true;
  /** Beside 200, 500, and what `who` brings with it. */
  readonly refusals: readonly Status[];
}

export type Status = 400 | 401 | 403 | 404 | 409 | 413 | 429 | 503;

const login: Operation = {
  summary: 'Log in',
  description:
    'A new token for who knows the password; it replaces the older one of a user, and an operator keeps the ten newest. An unknown user, one without a password ' +
    'and a wrong password are answered alike. Only failures are limited.',
  who: 'anyone',
  request: 'LoginRequest',
  answer: 'Login',
  refusals: [400, 401, 413, 429, 503],
};

const sendCommand: Operation = {
  summary: 'Send a command, or up to 100',
  description:
    'To connected clients at once, into the mailbox of those who are away. `commands` sends many: each stands for itself, and a bad ' +
    'one has `code` 0 in its place. With `Idempotency-Key` a retry is answered as the first time and sends nothing again, for a day. ' +
    'After 503 nothing was accepted. With `wait` the answer comes when the step is reached: 202 when the time is over first, and 409 ' +
    'with the reason as `error` when it can no longer happen.',
  who: 'operator',
  parameters: ['idempotencyKey', 'traceparent'],
  request: 'SendRequest',
  answer: 'Sent',
  mayBePending: true,
  refusals: [400, 404, 409, 413, 429, 503],
};

const page: Operation = { summary: 'The console', who: 'anyone', answer: 'html', refusals: [] };

export const operations: Readonly<Record<RouteKey, Operation>> = {
  'POST /login': login,
  'POST /api/v1100/login': login,
  'POST /logout': {
    summary: 'Log out',
    description:
      'Revokes the token and closes the connection that it opened, on whichever gateway. With `all`, every token of the user; ' +
      'a body may be left out.',
    who: 'user',
    request: 'LogoutRequest',
    answer: 'Disconnected',
    refusals: [400, 413, 503],
  },
  'POST /send-command': sendCommand,
  'POST /web/send-command': sendCommand,
  'GET /': page,
  'GET /web/send-command': page,
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
      'For commands that were sent with `receipt: true`. Of a send to a group: counts per state, and the members in pages.',
    who: 'operator',
    parameters: ['id', 'cursor'],
    answer: 'Command',
    refusals: [400, 404, 503],
  },
  'DELETE /commands': {
    summary: 'Take back what a call with this Idempotency-Key sent',
    description: 'For a caller who has the key and no id. Otherwise as `DELETE /commands/{id}`.',
    who: 'operator',
    parameters: ['requiredIdempotencyKey'],
    answer: 'Cancellation',
    refusals: [400, 404, 503],
  },
  'DELETE /commands/{id}': {
    summary: 'Take back a command',
    description:
      'What has not been written yet: what is scheduled, and what waits for users who are away. Receipts end as `cancelled`. Repeated, ' +
      'it takes back nothing more. A command that was on its way at once and has no receipt is known for two minutes.',
    who: 'operator',
    parameters: ['id'],
    answer: 'Cancellation',
    refusals: [404, 503],
  },
  'GET /users': {
    summary: 'Users and their presence',
    description:
      'In the order of their ids. With `contains` or `online` it is a search: one call looks at up to 20,000 users, so a page may be ' +
      'short, or empty, although more follow.',
    who: 'operator',
    parameters: ['limit', 'cursor', 'q', 'offset', 'contains', 'online'],
    answer: 'Users',
    refusals: [400, 503],
  },
  'POST /users': {
    summary: 'Add a user',
    description:
      'With a password, who can log in; without one, who may be given a token. 409 where the user is there already.',
    who: 'operator',
    request: 'AddUser',
    refusals: [400, 409, 413, 503],
  },
  'DELETE /users/{phone_number}': {
    summary: 'Remove a user',
    description:
      'Ends the tokens and the connection, and forgets the user with all messages that wait: their receipts end as `cancelled`. The id ' +
      'stays in groups.',
    who: 'operator',
    parameters: ['phoneNumber'],
    refusals: [404, 503],
  },
  'PUT /users/{phone_number}/password': {
    summary: "Set a user's password",
    description: 'Tokens and the connection stay.',
    who: 'operator',
    parameters: ['phoneNumber'],
    request: 'SetPassword',
    refusals: [400, 404, 413, 503],
  },
  'POST /users/{phone_number}/token': {
    summary: 'Make a token for a device',
    description:
      'Without a password. It replaces the older token of a user; an operator keeps the ten newest. It is shown this once.',
    who: 'operator',
    parameters: ['phoneNumber'],
    request: 'MakeToken',
    answer: 'MadeToken',
    refusals: [400, 404, 413, 503],
  },
  'GET /users/{phone_number}/messages': {
    summary: 'Messages that wait for a user',
    description: 'Their ids and kinds, not their contents.',
    who: 'operator',
    parameters: ['phoneNumber', 'shortLimit', 'messagesCursor'],
    answer: 'WaitingMessages',
    refusals: [400, 404, 503],
  },
  'DELETE /users/{phone_number}/messages': {
    summary: 'Delete all messages that wait for a user',
    description: 'As one. What comes meanwhile stays.',
    who: 'operator',
    parameters: ['phoneNumber'],
    answer: 'Cleared',
    refusals: [404, 503],
  },
  'GET /users/{phone_number}': {
    summary: 'One user',
    who: 'operator',
    parameters: ['phoneNumber'],
    answer: 'UserDetail',
    refusals: [404, 503],
  },
  'DELETE /users/{phone_number}/session': {
    summary: "Close a user's connection",
    description: 'On whichever gateway. The token stays valid.',
    who: 'operator',
    parameters: ['phoneNumber'],
    answer: 'Disconnected',
    refusals: [404, 503],
  },
  'DELETE /users/{phone_number}/token': {
    summary: "Revoke a user's token",
    description:
      'It is worth nothing from the answer on, and the connection that it opened is closed, on whichever gateway.',
    who: 'operator',
    parameters: ['phoneNumber'],
    answer: 'Disconnected',
    refusals: [404, 503],
  },
  'DELETE /users/{phone_number}/messages/{id}': {
    summary: 'Delete one waiting message',
    description:
      "From the user's mailbox: it is not sent again. Its receipt ends as `cancelled`, and it does not count as lost. A copy that was " +
      'written to the client before may still be read there.',
    who: 'operator',
    parameters: ['phoneNumber', 'id'],
    refusals: [404, 503],
  },
  'GET /groups': {
    summary: 'Names of groups',
    who: 'operator',
    parameters: ['limit', 'cursor'],
    answer: 'Groups',
    refusals: [400, 503],
  },
  'GET /groups/{name}/members': {
    summary: 'Members of a group',
    who: 'operator',
    parameters: ['groupName', 'limit', 'cursor'],
    answer: 'GroupMembers',
    refusals: [400, 404, 503],
  },
  'PUT /groups/{name}/members': {
    summary: 'Add members to a group, and remove others',
    description:
      'Up to 1,000 of each. A group exists while it has members, and has at most 100,000 (409 `group_full`). A send reaches the ' +
      'members at its acceptance.',
    who: 'operator',
    parameters: ['groupName'],
    request: 'ChangeGroup',
    answer: 'ChangedGroup',
    refusals: [400, 409, 413, 503],
  },
  'DELETE /groups/{name}': {
    summary: 'Delete a group',
    description: 'What was sent to it before still reaches its members.',
    who: 'operator',
    parameters: ['groupName'],
    refusals: [400, 404, 503],
  },
  'GET /stats': {
    summary: 'Connected clients, deliveries, queue and gateways',
    who: 'operator',
    answer: 'Stats',
    refusals: [503],
  },
  'GET /stats/history': {
    summary: 'The figures of the last hours',
    description:
      'Clients, messages and delivery times, per minute or per five minutes. Gateways report a minute when it is over.',
    who: 'operator',
    parameters: ['hours'],
    answer: 'History',
    refusals: [400, 503],
  },
  'GET /tail': {
    summary: 'What happens now',
    description:
      'Who connects and leaves, what is delivered and refused: ids and codes, no contents. The first call has a `cursor` and no lines; ' +
      'each further one, about every two seconds, what came since. The gateways begin to tell within three seconds.',
    who: 'operator',
    parameters: ['followedUser', 'tailCursor'],
    answer: 'Tail',
    refusals: [400, 503],
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
  'GET /dead-letters': {
    summary: 'What the queue could not take',
    description: 'Entries of front_tcp:dead with the reason. They stay until they are retried or deleted.',
    who: 'operator',
    parameters: ['shortLimit', 'position'],
    answer: 'DeadLetters',
    refusals: [400, 503],
  },
  'POST /dead-letters/{id}/retry': {
    summary: 'Put a dead letter back into the queue',
    description:
      'Behind what waits there, in one step: it is in the queue or a dead letter, never both. Where some recipients were unknown, ' +
      'only these get it. What is still wrong with it makes it a dead letter again.',
    who: 'operator',
    parameters: ['letterId'],
    refusals: [404, 503],
  },
  'DELETE /dead-letters/{id}': {
    summary: 'Throw a dead letter away',
    who: 'operator',
    parameters: ['letterId'],
    refusals: [404, 503],
  },
  'POST /service-tokens': {
    summary: 'Make a token for a program',
    description:
      'Worth only what its scopes say: `send` (to anyone, or to `recipients` alone) and `read` (users, stats, commands). It is shown ' +
      'this once. Messages sent with it are from `service:<name>`.',
    who: 'operator',
    request: 'CreateServiceToken',
    answer: 'CreatedServiceToken',
    refusals: [400, 413, 503],
  },
  'GET /service-tokens': {
    summary: 'Tokens of programs',
    who: 'operator',
    answer: 'ServiceTokens',
    refusals: [503],
  },
  'DELETE /service-tokens/{id}': {
    summary: 'Revoke the token of a program',
    description: 'It is worth nothing from the answer on.',
    who: 'operator',
    parameters: ['tokenId'],
    refusals: [404, 503],
  },
  'GET /audit': {
    summary: 'Who has sent what to whom',
    description: 'Ids, not contents; bounded by AUDIT_MAX, the oldest go first.',
    who: 'operator',
    parameters: ['limit', 'before'],
    answer: 'Audit',
    refusals: [400, 503],
  },
  'GET /openapi.json': { summary: 'This document', who: 'anyone', answer: 'openapi', refusals: [] },
};

export const parameters = {
  idempotencyKey: {
    name: 'Idempotency-Key',
    in: 'header',
    description: 'Makes a retry safe. Of the user who sends; remembered for a day.',
    schema: { type: 'string', minLength: 1, maxLength: 255 },
  },
  requiredIdempotencyKey: {
    name: 'Idempotency-Key',
    in: 'header',
    required: true,
    description: 'Of the call whose commands are meant.',
    schema: { type: 'string', minLength: 1, maxLength: 255 },
  },
  groupName: {
    name: 'name',
    in: 'path',
    required: true,
    description: '1 to 128 letters, digits, `.`, `_`, `-` or `:`.',
    schema: { type: 'string' },
  },
  traceparent: {
    name: 'traceparent',
    in: 'header',
    description: 'W3C Trace Context; made where it is missing.',
    schema: { type: 'string' },
  },
  id: { name: 'id', in: 'path', required: true, schema: { type: 'string', pattern: '^[1-9][0-9]*$' } },
  tokenId: { name: 'id', in: 'path', required: true, schema: { type: 'string', pattern: '^[0-9a-f]{24}$' } },
  letterId: { name: 'id', in: 'path', required: true, schema: { type: 'string', pattern: '^[0-9]+-[0-9a-f]{16}$' } },
  shortLimit: {
    name: 'limit',
    in: 'query',
    description: 'Per page.',
    schema: { type: 'integer', minimum: 1, maximum: 100, default: 50 },
  },
  hours: {
    name: 'hours',
    in: 'query',
    description: 'How far back.',
    schema: { type: 'integer', minimum: 1, maximum: 24, default: 24 },
  },
  followedUser: {
    name: 'user',
    in: 'query',
    description: 'Only what concerns this user.',
    schema: { type: 'string', maxLength: 128 },
  },
  tailCursor: {
    name: 'cursor',
    in: 'query',
    description: '`cursor` of the answer before.',
    schema: { type: 'string', pattern: '^[0-9]+-[0-9]+_[0-9]+-[0-9]+$' },
  },
  messagesCursor: {
    name: 'cursor',
    in: 'query',
    description: '`cursor` of the page before.',
    schema: { type: 'string', pattern: '^[0-9]{1,16}$' },
  },
  position: {
    name: 'cursor',
    in: 'query',
    description: '`cursor` of the page before.',
    schema: { type: 'string', pattern: '^[0-9]{1,10}$' },
  },
  from: {
    name: 'from',
    in: 'query',
    description: 'Only what this user, or `service:<name>`, has sent.',
    schema: { type: 'string', maxLength: 128 },
  },
  to: {
    name: 'to',
    in: 'query',
    description: 'Only what was sent to this user.',
    schema: { type: 'string', maxLength: 128 },
  },
  before: {
    name: 'before',
    in: 'query',
    description: '`cursor` of the page before.',
    schema: { type: 'string', pattern: '^[0-9]+-[0-9]+$' },
  },
  phoneNumber: {
    name: 'phone_number',
    in: 'path',
    required: true,
    description: 'A user id, percent-encoded.',
    schema: { type: 'string' },
  },
  limit: {
    name: 'limit',
    in: 'query',
    description: 'Per page.',
    schema: { type: 'integer', minimum: 1, maximum: 500, default: 100 },
  },
  cursor: {
    name: 'cursor',
    in: 'query',
    description: '`cursor` of the page before.',
    schema: { type: 'string', maxLength: 128 },
  },
  q: {
    name: 'q',
    in: 'query',
    description: 'Only ids that begin with this.',
    schema: { type: 'string', maxLength: 128 },
  },
  offset: {
    name: 'offset',
    in: 'query',
    description: 'Users to skip, for a list that is scrolled. Not for a search.',
    schema: { type: 'integer', minimum: 0, maximum: 999_999_999, default: 0 },
  },
  contains: {
    name: 'contains',
    in: 'query',
    description: 'Only ids that contain this. ASCII letters in either case.',
    schema: { type: 'string', maxLength: 128 },
  },
  online: {
    name: 'online',
    in: 'query',
    description: 'Only users who are connected, or only those who are not.',
    schema: { type: 'boolean' },
  },
} as const;

type ParameterName = keyof typeof parameters;

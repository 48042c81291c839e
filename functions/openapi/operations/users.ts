import type { Operations } from './operation.ts';

export const userOperations = {
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
    description: 'A user with a password can log in; one without may be given a token. 409 for an existing user.',
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
    description: 'Deletes the messages that wait when the call begins. Messages that arrive meanwhile stay.',
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
    description: 'It is invalid from the response on, and the connection that it opened is closed, on any gateway.',
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
} as const satisfies Operations;

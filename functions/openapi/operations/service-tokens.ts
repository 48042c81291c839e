import type { Operations } from './operation.ts';

export const serviceTokenOperations = {
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
    description: 'It is invalid from the response on.',
    who: 'operator',
    parameters: ['tokenId'],
    refusals: [404, 503],
  },
} as const satisfies Operations;

import type { Operations } from './operation.ts';

export const deadLetterOperations = {
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
} as const satisfies Operations;

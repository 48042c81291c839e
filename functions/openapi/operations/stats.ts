import type { Operations } from './operation.ts';

export const statsOperations = {
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
      'each further one, about every two seconds, later lines. The gateways begin to report within three seconds.',
    who: 'operator',
    parameters: ['followedUser', 'tailCursor'],
    answer: 'Tail',
    refusals: [400, 503],
  },
} as const satisfies Operations;

import { z } from 'zod';

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
      facts: z.record(z.string(), z.string()).meta({ description: 'What the gateway says of itself.' }),
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

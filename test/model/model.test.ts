import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestRedis, type TestRedis } from '../kit/redis.ts';
import { explore } from './explore.ts';
import type { Edit } from './store.ts';

/** Of every build. `node test/model/run.ts --depth 5` takes minutes. */
const DEPTH = 3;

let redis: TestRedis;
beforeAll(async () => {
  redis = await startTestRedis();
});
afterAll(() => redis.stop());

describe('the session protocol, every order of steps', () => {
  it.each(['plain', 'ack'] as const)('keeps its promises to a client that is %s', async (form) => {
    const { states, broken } = await explore({ url: redis.url, form, depth: DEPTH });
    expect(broken).toBeUndefined();
    expect(states).toBeGreaterThan(500);
  });
});

/** Holes that were there, put back. */
const holes: readonly { name: string; edits: readonly Edit[]; found: RegExp }[] = [
  {
    name: 'an epoch counts from what the store remembers',
    edits: [
      {
        script: 'claim',
        find: "int(math.max(tonumber(last or '0') + 1, math.floor(known / 1024)))",
        replace: "int(tonumber(last or '0') + 1)",
      },
    ],
    found: /epoch was given twice|newest connection is closed|connections of one user are open/,
  },
  {
    name: 'a kick does not reach a gateway that is cut off',
    edits: [
      {
        script: 'disconnect',
        find: "redis.call('HSET', key, 'epoch', next_epoch(session[2], known), 'ended', ARGV[3])",
        replace: "if not live(session[1]) then return 'offline' end",
      },
    ],
    found: /a connection that was ended is open/,
  },
  {
    name: 'a session that is resumed counts as newer than one that a failover has forgotten',
    edits: [
      {
        script: 'claim',
        find: '(since or epoch)',
        replace: 'epoch',
      },
    ],
    found: /newest connection is closed/,
  },
];

describe('the model finds holes that are put back', () => {
  it.each(holes)('$name', async ({ edits, found }) => {
    const { broken } = await explore({ url: redis.url, form: 'plain', depth: DEPTH, edits });
    expect(broken?.violations.join('; ')).toMatch(found);
  });
});

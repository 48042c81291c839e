import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../gateway/config.ts';
import { EnvironmentError } from '../../shared/settings.ts';

const REDIS_URL = 'redis://127.0.0.1:6379';

test('the defaults are those of the contract', () => {
  expect(parseConfig({ REDIS_URL })).toMatchObject({
    redis: { url: REDIS_URL, cluster: false, keyPrefix: '' },
    port: 8_124,
    healthPort: 8_125,
    heartbeatTimeoutMs: 90_000,
    authTimeoutMs: 30_000,
    maxFrameBytes: 65_536,
    maxRecipients: 1_000,
    maxBadFrames: 10,
    maxVerifyAttempts: 5,
    maxMessagesPerSecond: 1_000,
    maxUnverifiedPerAddress: 1_000,
    maxConnectionsPerAddress: 0,
    offlineTtlSeconds: 604_800,
    drainTimeoutMs: 110_000,
  });
});

test('an empty variable counts as one that is not set', () => {
  expect(parseConfig({ REDIS_URL, GATEWAY_PORT: '', REDIS_CLUSTER: '' })).toMatchObject({
    port: 8_124,
    redis: { cluster: false },
  });
});

function messageOf(env: NodeJS.ProcessEnv): string {
  try {
    parseConfig(env);
  } catch (error) {
    if (!(error instanceof EnvironmentError)) throw error;
    return error.mistakes.join('\n');
  }
  throw new Error('was accepted');
}

describe.each([
  ['REDIS_URL', undefined],
  ['REDIS_URL', 'http://127.0.0.1'],
  ['REDIS_URL', 'not a url'],
  ['REDIS_CLUSTER', 'maybe'],
  ['GATEWAY_PORT', '65536'],
  ['GATEWAY_PORT', '-1'],
  ['GATEWAY_PORT', '80.5'],
  ['GATEWAY_PORT', '0x50'],
  ['HEALTH_PORT', 'http'],
  ['HEARTBEAT_TIMEOUT_MS', '0'],
  ['HEARTBEAT_TIMEOUT_MS', '99999999999'],
  ['AUTH_TIMEOUT_MS', '30s'],
  ['MAX_FRAME_BYTES', '12'],
  ['MAX_RECIPIENTS', '0'],
  ['MAX_BAD_FRAMES', ' 5'],
  ['MAX_VERIFY_ATTEMPTS', '1e3'],
  ['LOG_LEVEL', 'loud'],
])('%s=%s', (name, value) => {
  test('is refused by its name, and beside every other mistake', () => {
    expect(messageOf({ REDIS_URL, [name]: value })).toMatch(new RegExp(`^${name} `));
    const both = messageOf({ REDIS_URL, DRAIN_TIMEOUT_MS: 'soon', [name]: value });
    expect(both).toContain(`${name} `);
    expect(both).toContain('DRAIN_TIMEOUT_MS ');
  });
});

test('a cluster needs a hash tag in the prefix, reported beside every other mistake', () => {
  expect(parseConfig({ REDIS_URL, REDIS_CLUSTER: 'true', REDIS_KEY_PREFIX: '{f}:' }).redis.cluster).toBe(true);
  const message = messageOf({ REDIS_URL, REDIS_CLUSTER: 'true', REDIS_KEY_PREFIX: 'f:', GATEWAY_PORT: 'x' });
  expect(message).toContain('REDIS_KEY_PREFIX ');
  expect(message).toContain('GATEWAY_PORT ');
});

test('a mistake in a URL does not put its password into the message', () => {
  expect(messageOf({ REDIS_URL: 'rediss//user:s3cret@host' })).not.toContain('s3cret');
});

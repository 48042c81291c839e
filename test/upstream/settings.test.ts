import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../gateway/config.ts';
import { Mode, modeOf, type UpstreamSettings } from '../../gateway/upstream/settings.ts';

const ARN = 'arn:aws:lambda:eu-central-1:123456789012:function:devices:live';

function read(env: Record<string, string>): UpstreamSettings | undefined {
  return parseConfig({ REDIS_URL: 'redis://127.0.0.1:1', ...env }).upstream;
}

describe('the settings of the upstream direction', () => {
  it('are none where no function is named', () => {
    expect(read({})).toBeUndefined();
    expect(read({ UPSTREAM_LIFECYCLE_FUNCTION: 'none', UPSTREAM_EVENTS: '1000' })).toBeUndefined();
  });

  it('take the region of an ARN, and lifecycle events to the same function', () => {
    const settings = read({ UPSTREAM_FUNCTION: ARN, AWS_REGION: 'us-east-1' });
    expect(settings).toMatchObject({ functionName: ARN, lifecycleFunction: ARN, region: 'eu-central-1' });
    expect(read({ UPSTREAM_FUNCTION: 'devices', AWS_REGION: 'us-east-1' })?.region).toBe('us-east-1');
    expect(read({ UPSTREAM_FUNCTION: ARN, UPSTREAM_LIFECYCLE_FUNCTION: 'none' })?.lifecycleFunction).toBeUndefined();
  });

  it('choose the mode per command id', () => {
    const modes = (env: Record<string, string>, ...ids: number[]) => {
      const settings = read({ UPSTREAM_FUNCTION: ARN, ...env });
      return ids.map((id) => settings && modeOf(settings, id));
    };
    const { event, request, refused } = Mode;
    expect(modes({}, 1000, 1499, 1500, 1999)).toEqual([event, event, request, request]);
    const env = { UPSTREAM_EVENTS: '1500, 1600-1601', UPSTREAM_REQUESTS: '1000' };
    expect(modes(env, 1000, 1001, 1500, 1599, 1600, 1601)).toEqual([request, refused, event, refused, event, event]);
    expect(modes({ UPSTREAM_EVENTS: 'none' }, 1000, 1500)).toEqual([refused, request]);
    const onlyLifecycle = read({ UPSTREAM_LIFECYCLE_FUNCTION: ARN });
    expect(onlyLifecycle && modeOf(onlyLifecycle, 1000)).toBe(refused);
  });

  it.each([
    [{ UPSTREAM_FUNCTION: 'not a name' }, 'UPSTREAM_FUNCTION must be the name or the ARN of a function'],
    [{ UPSTREAM_FUNCTION: 'devices' }, 'UPSTREAM_FUNCTION is a name without a region: set AWS_REGION'],
    [{ UPSTREAM_FUNCTION: ARN, UPSTREAM_EVENTS: '999-1001' }, 'UPSTREAM_EVENTS must be ids of 1000 to 1999'],
    [{ UPSTREAM_FUNCTION: ARN, UPSTREAM_EVENTS: '1010-1001' }, 'UPSTREAM_EVENTS must be ids'],
    [{ UPSTREAM_FUNCTION: ARN, UPSTREAM_REQUESTS: 'all' }, 'UPSTREAM_REQUESTS must be ids'],
    [
      { UPSTREAM_FUNCTION: ARN, UPSTREAM_REQUESTS: '1499-1999' },
      'UPSTREAM_REQUESTS has 1499, which is in UPSTREAM_EVENTS',
    ],
    [{ UPSTREAM_FUNCTION: ARN, UPSTREAM_TIMEOUT_MS: '1' }, 'UPSTREAM_TIMEOUT_MS must be at least 100'],
    [
      { UPSTREAM_FUNCTION: ARN, UPSTREAM_LIFECYCLE_FUNCTION: ARN.replace('eu-central-1', 'us-east-1') },
      'UPSTREAM_LIFECYCLE_FUNCTION is in another region',
    ],
  ])('%j is refused by name', (env, message) => {
    expect(() => read(env)).toThrow(message);
  });
});

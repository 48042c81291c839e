import { expect, test } from 'vitest';
import { Registry } from '../../gateway/session/registry.ts';
import type { Session } from '../../gateway/session/session.ts';

/** All that the registry looks at. */
const stay = (userId: string, epoch: number, form = 'plain') => ({ userId, epoch, form }) as unknown as Session;

test('a session is found by its user, and by its epoch only while that is current', () => {
  const registry = new Registry();
  const first = stay('u', 1);
  registry.add(first);
  expect([registry.get('u'), registry.find('u', 1), registry.find('u', 2)]).toEqual([first, first, undefined]);
  expect(registry.get('__proto__')).toBeUndefined();
});

test('the late clean-up of an older session does not take the newer one out', () => {
  const registry = new Registry();
  const older = stay('u', 1, 'ack');
  const newer = stay('u', 2);
  registry.add(older);
  registry.remove(older);
  registry.add(newer);
  registry.remove(older);
  expect([registry.get('u'), registry.size, registry.ackSessions]).toEqual([newer, 1, 0]);
});

import { expect, test } from 'vitest';
import { chooseNetwork } from '../../gateway/net/choose-network.ts';
import { loadBinding } from '../../gateway/net/native-binding.ts';

const absent = () => ({ state: 'absent', why: 'the addon was not built for linux-x64' }) as const;

test('auto is the addon where it was built, node:net elsewhere and with TLS', () => {
  expect(chooseNetwork('auto', undefined)).toMatchObject({ network: { kind: 'native' }, description: 'native' });
  expect(chooseNetwork('auto', undefined, absent)).toMatchObject({
    network: { kind: 'node' },
    description: 'node (the addon was not built for linux-x64)',
  });
  expect(chooseNetwork('auto', {})).toMatchObject({ network: { kind: 'node' }, description: 'node (TLS)' });
  expect(chooseNetwork('native', {})).toMatchObject({ network: { kind: 'node' }, description: 'node (TLS)' });
  expect(chooseNetwork('node', undefined)).toMatchObject({ network: { kind: 'node' }, description: 'node' });
});

test('native without an addon says why, and what to do', () => {
  expect(() => chooseNetwork('native', undefined, absent)).toThrow(/not built for linux-x64.*npm run build:native/);
});

test('an invalid addon does not load, and says so', () => {
  expect(loadBinding('/nowhere/x.node')).toMatchObject({ state: 'absent', why: expect.stringContaining('not built') });
  const found = loadBinding(new URL('support/faulty-calls.c', import.meta.url).pathname);
  expect(found).toMatchObject({ state: 'absent', why: expect.stringContaining('does not load') });
});

import { expect, it, onTestFinished } from 'vitest';
import { spoolItems } from '../../contract/store/scripts/upstream.ts';
import { openStore } from './ports.ts';

it('a batch of items that comes late, behind the next one, is not spooled again', async () => {
  const store = await openStore('ioredis');
  onTestFinished(() => store.stop());
  const spool = (number: number) => {
    const bounds = { maxItems: 10, maxBytes: 1_000 };
    return spoolItems(store.port, store.keys, { gatewayId: 'g1', number }, bounds, [{ lane: 0, text: `${number}` }]);
  };
  const ninth = await spool(9);
  expect(await spool(9)).toEqual(ninth);
  const tenth = await spool(10);
  // What an old connection delivers after the call was repeated on a new one.
  await spool(9);
  expect(await spool(10)).toEqual(tenth);
  const items = await store.redis.xrange(store.keys.upstreamLane(0), '-', '+');
  expect(items.map(([, fields]) => fields[1])).toEqual(['9', '10']);
});

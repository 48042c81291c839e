import { expect, test } from 'vitest';
import { disconnectUser } from '../../contract/store/scripts/sessions.ts';
import { tokenAtRest } from '../../contract/store/tokens.ts';
import { chat, gateway } from '../kit/gateway.ts';
import { uniquePrefix } from '../kit/redis.ts';
import { stopwatch } from '../kit/stopwatch.ts';

/** The promise of the contract. */
const WITHIN_MS = 1_000;

test('a token that is revoked closes the open connection within a second, on whichever gateway, and opens no other', async () => {
  const prefix = uniquePrefix();
  const one = await gateway({}, { prefix });
  const two = await gateway({}, { prefix });
  for (const [at, place] of [one, two].entries()) {
    const id = `leaver ${at}`;
    const client = await place.verified(id, ['goodbye']);
    const bystander = await place.verified(`stays ${at}`);
    const elapsedMs = stopwatch();
    // As POST /logout does it, which has no connection to either gateway.
    expect(await disconnectUser(one.redis, one.keys, id, { reason: 'logged_out', revoke: true })).toBe('online');
    await client.receives(112, { reason: 'logged_out', reconnect_after_ms: expect.any(Number) });
    expect(elapsedMs()).toBeLessThan(WITHIN_MS);
    await client.isClosedSilently();
    for (const anywhere of [one, two]) expect(await (await anywhere.peer()).verify(id)).toEqual({ code: 0 });
    bystander.send(2, { chat_to: `stays ${at}`, chat_content: 'still here' });
    await bystander.receives(102, chat(`stays ${at}`, 'still here'));
  }
});

test('a token that is rotated keeps the connection it opened, and only the new one opens another', async () => {
  const prefix = uniquePrefix();
  const one = await gateway({}, { prefix });
  const two = await gateway({}, { prefix });
  const client = await one.verified('rotates');
  await one.redis.command('HSET', one.keys.user('rotates'), 'token', tokenAtRest('the new one'));
  client.send(2, { chat_to: 'rotates', chat_content: 'kept' });
  await client.receives(102, chat('rotates', 'kept'));
  await one.push({ command_id: 102, chat_from: 'p', chat_to: ['rotates'], chat_content: 'from the queue' });
  await client.receives(102, chat('p', 'from the queue'));

  const elsewhere = await two.peer();
  expect(await elsewhere.verify('rotates')).toEqual({ code: 0 });
  expect(client.isClosed).toBe(false);
  expect(await elsewhere.verify('rotates', { token: 'the new one' })).toEqual({ code: 1 });
  await client.isClosedSilently();
});

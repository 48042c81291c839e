import type { LookupFunction } from 'node:net';
import { expect, test } from 'vitest';
import { FEATURES } from '../../contract/wire/command-ids.ts';
import { connect } from '../../sdk/client/connect.ts';
import {
  ClosedError,
  FronttcpError,
  TimeoutError,
  TokenRefusedError,
  UnreachableError,
} from '../../sdk/client/errors.ts';
import { reservePort } from '../kit/ports.ts';
import { optionsFor, pair, server } from './dialogue.ts';

test('verifies with every feature by default, and knows which ones the server accepted', async () => {
  const scripted = await server();
  const connecting = connect(optionsFor(scripted));
  const peer = await scripted.accept();
  const asked = await peer.verify({ features: ['ack', 'something newer'], lost: 3, heartbeat_timeout_ms: 90_000 });
  const client = await connecting;
  expect(asked).toEqual({ phone_number: 'me', token: 't', features: [...FEATURES] });
  expect(client.session).toEqual({ features: ['ack'], id: 's1', lost: 3, heartbeatTimeoutMs: 90_000 });
  expect(client.state).toBe('verified');
  await client.close();
});

test('a plain client uses no feature of the protocol', async () => {
  const { client, peer } = await pair({ features: [], heartbeatIntervalMs: 10 });
  expect(await peer.read()).toEqual({ version: 1100, commandId: 5, body: '' });
  await client.send('you', '你好');
  let frame = await peer.read();
  while (frame.commandId === 5) frame = await peer.read();
  expect(frame).toEqual({
    version: 1100,
    commandId: 2,
    body: '{"chat_from":"me","chat_to":"you","chat_content":"你好"}',
  });
  await expect(client.command(1000, {})).rejects.toThrow(TypeError);
});

test('a plain verify has no member of its own making', async () => {
  const scripted = await server();
  const connecting = connect(optionsFor(scripted, { features: [] }));
  const peer = await scripted.accept();
  expect(await peer.verify()).toEqual({ phone_number: 'me', token: 't' });
  await (await connecting).close();
});

test('a refused token rejects without another attempt', async () => {
  const scripted = await server();
  const connecting = connect(optionsFor(scripted));
  const peer = await scripted.accept();
  await peer.expect(1);
  peer.write(101, { code: 0 });
  await expect(connecting).rejects.toThrow(TokenRefusedError);
  await peer.ended;
  expect(scripted.count).toBe(1);
});

test('a token provider gets the refused token and is asked again, on the same connection', async () => {
  const scripted = await server();
  const refusedTokens: (string | undefined)[] = [];
  const token = (refused: string | undefined) => {
    refusedTokens.push(refused);
    return Promise.resolve(refused === undefined ? 'old' : 'new');
  };
  const connecting = connect(optionsFor(scripted, { token }));
  const peer = await scripted.accept();
  expect(await peer.expect(1)).toMatchObject({ token: 'old' });
  peer.write(101, { code: 0 });
  expect(await peer.verify()).toMatchObject({ token: 'new' });
  await (await connecting).close();
  expect(refusedTokens).toEqual([undefined, 'old']);
  expect(scripted.count).toBe(1);
});

test('a refused connection rejects at once without fromStart', async () => {
  const port = await reservePort();
  const error = await connect({ host: '127.0.0.1', port, phoneNumber: 'me', token: 't' }).catch((e: Error) => e);
  expect(error).toBeInstanceOf(UnreachableError);
  expect(error).toBeInstanceOf(FronttcpError);
  expect((error as Error).message).toContain(`127.0.0.1:${port}`);
});

test('a refused connection to a name with several addresses says why', async () => {
  const port = await reservePort();
  const addresses = ['127.0.0.1', '127.0.0.2'].map((address) => ({ address, family: 4 }));
  const lookup: LookupFunction = (_name, _options, found) => found(null, addresses);
  const connecting = connect({ host: 'gateway.test', port, phoneNumber: 'me', token: 't', tls: { lookup } });
  await expect(connecting).rejects.toThrow('ECONNREFUSED');
});

test('keeps trying from the start with fromStart', async () => {
  const scripted = await server();
  const connecting = connect(optionsFor(scripted, { reconnect: { minDelayMs: 1, maxDelayMs: 5, fromStart: true } }));
  for (let attempt = 0; attempt < 3; attempt += 1) (await scripted.accept()).socket.destroy();
  await (await scripted.accept()).verify();
  await (await connecting).close();
});

test('a server that never replies to the verify is given up', async () => {
  const scripted = await server();
  await expect(connect(optionsFor(scripted, { verifyTimeoutMs: 30 }))).rejects.toThrow(TimeoutError);
});

test('recognises a server of another protocol', async () => {
  const scripted = await server();
  const connecting = connect(optionsFor(scripted));
  (await scripted.accept()).socket.write('HTTP/1.1 400 Bad Request\r\n\r\n');
  await expect(connecting).rejects.toThrow(/not this protocol/);
});

test('an abort ends it before, while and after connecting', async () => {
  const scripted = await server();
  await expect(connect(optionsFor(scripted, { signal: AbortSignal.abort(new Error('a')) }))).rejects.toThrow('a');

  const during = new AbortController();
  const connecting = connect(optionsFor(scripted, { signal: during.signal }));
  const peer = await scripted.accept();
  during.abort(new Error('b'));
  await expect(connecting).rejects.toThrow('b');
  await peer.ended;

  const after = new AbortController();
  const again = connect(optionsFor(scripted, { signal: after.signal }));
  const second = await scripted.accept();
  await second.verify();
  const client = await again;
  after.abort(new Error('c'));
  expect(client.state).toBe('closed');
  await second.ended;
  await expect(client.send('you', 'x')).rejects.toThrow(ClosedError);
  await expect(client[Symbol.asyncIterator]().next()).rejects.toThrow('c');
});

test('impossible options are refused by name', () => {
  const good = { host: 'h', phoneNumber: 'me', token: 't' };
  expect(() => connect({ ...good, port: 70_000 })).toThrow('70000');
  expect(() => connect({ ...good, phoneNumber: '' })).toThrow('phoneNumber');
  expect(() => connect({ ...good, inboundLimit: 0 })).toThrow('inboundLimit');
  expect(() => connect({ ...good, features: ['nonsense' as 'ack'] })).toThrow('nonsense');
});

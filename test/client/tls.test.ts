import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';
import { connect } from '../../sdk/client/connect.ts';
import { UnreachableError } from '../../sdk/client/errors.ts';
import { repository } from '../kit/process.ts';
import { optionsFor } from './dialogue.ts';
import { ScriptedServer } from './scripted-server.ts';

const warnings: Error[] = [];
process.on('warning', (warning) => warnings.push(warning));

const fixture = (name: string) => readFileSync(join(repository, 'test/fixtures/tls', name));

async function secureServer(): Promise<ScriptedServer> {
  const server = createServer({ cert: fixture('server-1.cert.pem'), key: fixture('server-1.key.pem') });
  // A client that turns the certificate down is what one of the tests is about.
  server.on('tlsClientError', () => undefined);
  const scripted = await ScriptedServer.start(server, 'secureConnection');
  onTestFinished(() => scripted.stop());
  return scripted;
}

test('speaks the protocol inside TLS to a server that it trusts', async () => {
  const scripted = await secureServer();
  const tls = { ca: fixture('server-1.cert.pem'), checkServerIdentity: () => undefined };
  const connecting = connect(optionsFor(scripted, { tls }));
  const peer = await scripted.accept();
  await peer.verify();
  const client = await connecting;
  const sending = client.send('you', 'secret');
  const { ref } = await peer.expect(2);
  peer.write(110, { ref, id: '1' });
  expect(await sending).toBe('1');
  await client.close();
  // DEP0123: the server name must not be an IP address.
  expect(warnings).toEqual([]);
});

test('does not give its token to a server that it does not trust', async () => {
  const scripted = await secureServer();
  await expect(connect(optionsFor(scripted, { tls: true }))).rejects.toThrow(UnreachableError);
});

import { onTestFinished } from 'vitest';
import type { Client } from '../../sdk/client/client.ts';
import { connect } from '../../sdk/client/connect.ts';
import type { ClientOptions } from '../../sdk/client/options.ts';
import { type Peer, ScriptedServer } from './scripted-server.ts';

export const QUICK = { minDelayMs: 1, maxDelayMs: 20 };

/** A server of this test alone. */
export async function server(): Promise<ScriptedServer> {
  const scripted = await ScriptedServer.start();
  onTestFinished(() => scripted.stop());
  return scripted;
}

export function optionsFor(scripted: ScriptedServer, options: Partial<ClientOptions> = {}): ClientOptions {
  return { host: '127.0.0.1', port: scripted.port, phoneNumber: 'me', token: 't', reconnect: QUICK, ...options };
}

/** A verified client and its server. */
export async function pair(
  options: Partial<ClientOptions> = {},
  verdict: Record<string, unknown> = {},
): Promise<{ client: Client; peer: Peer; scripted: ScriptedServer }> {
  const scripted = await server();
  const connecting = connect(optionsFor(scripted, options));
  const peer = await scripted.accept();
  await peer.verify(verdict);
  const client = await connecting;
  onTestFinished(async () => {
    // The server first, so that closing does not wait for answers that no test gives.
    await scripted.stop();
    await client.close();
  });
  return { client, peer, scripted };
}

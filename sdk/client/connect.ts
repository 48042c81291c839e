import { Client } from './client.ts';
import { ClosedError } from './errors.ts';
import { type ClientOptions, settingsOf } from './options.ts';

export type { Feature } from '../../contract/wire/command-ids.ts';
export type { AskHandler, AskOptions } from './asks.ts';
export type { Client, ClientState } from './client.ts';
export type { ClientEvents, Goodbye, SessionInfo } from './events.ts';
export type { ApplicationMessage, ChatMessage, Json, Message } from './message.ts';
export type { ClientOptions, ReconnectPolicy, TokenProvider } from './options.ts';
export type { SendOptions } from './sends.ts';

/**
 * Connects and verifies. Rejects with UnreachableError, TokenRefusedError, TimeoutError, DismissedError or the reason of
 * `signal` when the first connection fails; after the first success the client reconnects by itself.
 */
export function connect(options: ClientOptions): Promise<Client> {
  const settings = settingsOf(options);
  if (settings.signal?.aborted) return Promise.reject(settings.signal.reason);
  const client = new Client(settings);
  return new Promise((resolve, reject) => {
    const closed = (cause: Error | undefined) => reject(cause ?? new ClosedError('closed before it was verified'));
    client.once('closed', closed);
    client.once('verified', () => {
      client.off('closed', closed);
      resolve(client);
    });
  });
}

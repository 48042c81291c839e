import type { Command } from 'commander';
import { isServiceToken } from '../../contract/store/service-tokens.ts';
import { userIdOfToken } from '../../contract/store/tokens.ts';
import { Api } from './api.ts';
import { Credentials, type StoredLogin } from './credentials.ts';
import { ExitCode, Failure } from './failure.ts';
import { findLocalSystem } from './local-system.ts';
import { Output } from './output.ts';

export const DEFAULT_API = 'http://127.0.0.1:3000';

interface GlobalOptions {
  api?: string;
  json?: boolean;
  quiet?: boolean;
}

/** The context of every command. */
export interface Context {
  readonly output: Output;
  readonly credentials: Credentials;
  /** The address of the HTTP API, without a slash at its end. */
  readonly apiUrl: string;
}

/** --api, else FRONTTCP_API, else the API of the last login, else that of the `fronttcp dev` in this folder. */
export async function contextOf(command: Command): Promise<Context> {
  const { api, json = false, quiet = false } = command.optsWithGlobals<GlobalOptions>();
  const credentials = new Credentials(process.env);
  const given = api ?? (process.env.FRONTTCP_API || undefined);
  const apiUrl = originOf(given ?? (await credentials.current()) ?? (await findLocalSystem())?.api ?? DEFAULT_API);
  return { output: new Output({ json, quiet }), credentials, apiUrl };
}

/** The user's token: FRONTTCP_TOKEN, else the login at this API. Fails when there is neither. */
export async function loginOf({ credentials, apiUrl }: Context): Promise<StoredLogin> {
  const stored = await credentials.get(apiUrl);
  const token = process.env.FRONTTCP_TOKEN;
  if (token) return { ...(stored ?? {}), token, phone_number: ownerOf(token) };
  if (stored) return stored;
  throw new Failure(
    ExitCode.notAllowed,
    `not logged in at ${apiUrl}`,
    'Log in: fronttcp login <user id>, or set FRONTTCP_TOKEN.',
  );
}

export async function apiOf(context: Context): Promise<Api> {
  return new Api(context.apiUrl, (await loginOf(context)).token);
}

function ownerOf(token: string): string {
  if (isServiceToken(token)) return 'a service token';
  const owner = userIdOfToken(token);
  if (owner !== undefined) return owner;
  throw new Failure(ExitCode.usage, 'FRONTTCP_TOKEN is not a token of this system', 'Log in again for a new one.');
}

function originOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && ['http:', 'https:'].includes(url.protocol)) return `${url.origin}${url.pathname}`.replace(/\/+$/, '');
  throw new Failure(ExitCode.usage, `${text} is not the address of an API`, `It looks like ${DEFAULT_API}.`);
}

import { InvalidArgumentError, Option } from 'commander';
import type { StoredLogin } from './credentials.ts';
import { ExitCode, Failure } from './failure.ts';
import { findLocalSystem } from './local-system.ts';
import { wholeNumber } from './numbers.ts';

export interface GatewayOptions {
  host?: string;
  port?: number;
  tls?: boolean;
}

/** The address for clients. */
export interface GatewayAddress {
  host: string;
  port: number;
  tls: boolean;
}

const DEFAULT_PORT = 8_124;

export const hostOption = (): Option =>
  new Option('--host <host>', 'the gateway (FRONTTCP_HOST, the one given at login, or 127.0.0.1)').argParser(hostOf);

export const portOption = (): Option =>
  new Option('--port <port>', `its port (FRONTTCP_PORT, the one given at login, or ${DEFAULT_PORT})`).argParser(
    wholeNumber(1, 65_535),
  );

export const tlsOption = (): Option => new Option('--tls', 'speak TLS');

/** Flags, else the environment, else the gateway from the login, else the gateway of the `fronttcp dev` in this folder. */
export async function gatewayOf(
  login: Pick<StoredLogin, 'host' | 'port' | 'tls'> | undefined,
  apiUrl: string,
  options: GatewayOptions,
): Promise<GatewayAddress> {
  const [first] = await gatewaysOf(login, apiUrl, options);
  return first;
}

/** As `gatewayOf`; for that `fronttcp dev` all its gateways. */
export async function gatewaysOf(
  login: Pick<StoredLogin, 'host' | 'port' | 'tls'> | undefined,
  apiUrl: string,
  options: GatewayOptions,
): Promise<[GatewayAddress, ...GatewayAddress[]]> {
  const host = options.host ?? (process.env.FRONTTCP_HOST || login?.host);
  const port = options.port ?? portOf(process.env.FRONTTCP_PORT) ?? login?.port;
  const tls = options.tls ?? login?.tls;
  const local = await findLocalSystem();
  const [first, ...others] = local?.api === apiUrl ? local.gateways : [];
  if (first !== undefined && host === undefined && port === undefined) {
    return [{ ...first, tls: tls ?? first.tls }, ...others.map((other) => ({ ...other, tls: tls ?? other.tls }))];
  }
  return [{ host: host ?? first?.host ?? '127.0.0.1', port: port ?? first?.port ?? DEFAULT_PORT, tls: tls ?? false }];
}

function hostOf(text: string): string {
  if (/^[^\s/:]+$|^[\da-f:.]+$/i.test(text)) return text;
  throw new InvalidArgumentError('It must be a name or an address, without a port.');
}

function portOf(text: string | undefined): number | undefined {
  if (!text) return undefined;
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port >= 1 && port <= 65_535) return port;
  throw new Failure(ExitCode.usage, `FRONTTCP_PORT ${text} is not a port`);
}

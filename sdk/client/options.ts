import type { ConnectionOptions } from 'node:tls';
import { FEATURES, type Feature } from '../../contract/wire/command-ids.ts';
import { DEFAULT_MAX_FRAME_BYTES } from '../../contract/wire/frame.ts';

/** Called at every connection. `refused` is the token that the server has just refused, if any. */
export type TokenProvider = (refused: string | undefined) => string | Promise<string>;

export interface ReconnectPolicy {
  /** Bounds of the wait before the n-th attempt: random within 0 … min(maxDelayMs, minDelayMs × 2ⁿ⁻¹). */
  minDelayMs: number;
  maxDelayMs: number;
  /** Number of consecutive attempts before it gives up. */
  maxAttempts: number;
  /** A connection that lasted this long counts as a success: the count starts again. */
  lastingMs: number;
  /** Also keep trying when the very first connection fails, instead of having `connect` reject. */
  fromStart: boolean;
}

export interface ClientOptions {
  host: string;
  /** 8124 unless given. */
  port?: number;
  /** The user id. */
  phoneNumber: string;
  token: string | TokenProvider;
  /** Default: all of them. `[]` is a plain client: the bare protocol, at most once. */
  features?: readonly Feature[];
  /** TLS, with Node's own checks; an object to set more. */
  tls?: boolean | ConnectionOptions;
  /** `version` of sent frames. */
  version?: number;
  /** Maximum interval; a third of the server's heartbeat time-out when that is less. 0: none. */
  heartbeatIntervalMs?: number;
  /** Number of consecutive heartbeats without a byte from the server after which the peer counts as dead (feature `pong`). */
  missedHeartbeats?: number;
  /** TCP and TLS. */
  connectTimeoutMs?: number;
  /** From the connection to the verify result: the server delays it while its Redis is unreachable. */
  verifyTimeoutMs?: number;
  /** From the call to the answer, reconnections included; each send may set its own. */
  sendTimeoutMs?: number;
  /** How long `close()` waits for outstanding answers. */
  closeTimeoutMs?: number;
  reconnect?: Partial<ReconnectPolicy> | false;
  /** Messages that wait for the application; one more, and the socket is not read until it has caught up. */
  inboundLimit?: number;
  /** Sends that wait for a connection or an answer; one more is refused with OverloadedError. */
  outboundLimit?: number;
  /** Number of ids of processed messages that are remembered, to drop duplicates. */
  rememberedIds?: number;
  /** False for a client that only sends: received messages are neither kept nor acknowledged, and stay in the mailbox. */
  receive?: boolean;
  /** Largest frame that is sent: the server's MAX_FRAME_BYTES. */
  maxFrameBytes?: number;
  /** Ends the client at once, at any time. */
  signal?: AbortSignal;
}

export interface Settings extends Required<Omit<ClientOptions, 'reconnect' | 'signal' | 'tls' | 'token'>> {
  token: TokenProvider;
  /** Returns whether the provider can give another token after a refusal. */
  canRenewToken: boolean;
  tls: ConnectionOptions | undefined;
  reconnect: ReconnectPolicy | undefined;
  signal: AbortSignal | undefined;
}

const DEFAULT_RECONNECT: ReconnectPolicy = {
  minDelayMs: 500,
  maxDelayMs: 30_000,
  maxAttempts: Number.POSITIVE_INFINITY,
  lastingMs: 10_000,
  fromStart: false,
};

/** Fills in the defaults. Throws TypeError for invalid options. */
export function settingsOf(options: ClientOptions): Settings {
  const { token, tls, reconnect } = options;
  const settings: Settings = {
    port: 8124,
    features: FEATURES,
    version: 1100,
    heartbeatIntervalMs: 30_000,
    missedHeartbeats: 3,
    connectTimeoutMs: 10_000,
    // Longer than the server's own limit (AUTH_TIMEOUT_MS, 30 s), so that its result comes first.
    verifyTimeoutMs: 35_000,
    sendTimeoutMs: 30_000,
    closeTimeoutMs: 5_000,
    inboundLimit: 1_000,
    outboundLimit: 10_000,
    // More than a mailbox holds (1,000 by default): all its messages may come twice.
    rememberedIds: 10_000,
    receive: true,
    maxFrameBytes: DEFAULT_MAX_FRAME_BYTES,
    ...definedOf(options),
    token: typeof token === 'function' ? token : () => token,
    canRenewToken: typeof token === 'function',
    tls: tls === true ? {} : tls || undefined,
    reconnect: reconnect === false ? undefined : { ...DEFAULT_RECONNECT, ...reconnect },
    signal: options.signal,
  };
  check(settings);
  return settings;
}

/** Without members that are undefined: they must not hide a default. */
function definedOf<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
}

function check(settings: Settings): void {
  if (settings.phoneNumber === '') throw new TypeError('phoneNumber is empty');
  if (!Number.isInteger(settings.port) || settings.port < 1 || settings.port > 65_535) {
    throw new TypeError(`port ${settings.port} is not a port`);
  }
  for (const name of ['inboundLimit', 'outboundLimit', 'missedHeartbeats', 'sendTimeoutMs'] as const) {
    if (!(settings[name] >= 1)) throw new TypeError(`${name} must be at least 1`);
  }
  const unknown = settings.features.filter((feature) => !FEATURES.includes(feature));
  if (unknown.length > 0) throw new TypeError(`unknown features: ${unknown.join(', ')}`);
}

import type { Socket } from 'node:net';
import { ClientCommand, isApplicationDown, ServerCommand } from '../../contract/wire/command-ids.ts';
import {
  parseAccepted,
  parseApplication,
  parseChat,
  parseGoodbye,
  parseJson,
  parseRefused,
  parseVerdict,
} from './bodies.ts';
import { Connection, openSocket } from './connection.ts';
import { timerMs } from './delay.ts';
import { TimeoutError, TokenRefusedError, UnreachableError } from './errors.ts';
import type { Goodbye, SessionInfo } from './events.ts';
import { Heartbeat } from './heartbeat.ts';
import type { Message } from './message.ts';
import type { Settings } from './options.ts';

export interface SessionHandlers {
  verified(session: ClientSession, info: SessionInfo): void;
  message(message: Message): void;
  accepted(ref: string, messageId: string): void;
  refused(ref: string | undefined, code: string, message: string): void;
  goodbye(goodbye: Goodbye): void;
  malformed(commandId: number, body: string): void;
  /** Called once, even when it was never verified. */
  ended(cause: Error | undefined): void;
}

/** One connection from its verify to its end. */
export class ClientSession {
  readonly #settings: Settings;
  readonly #handlers: SessionHandlers;
  readonly #connection: Connection;
  readonly #verifyTimer: NodeJS.Timeout;
  #heartbeat: Heartbeat | undefined;
  #info: SessionInfo | undefined;
  #token: string;
  #wasRenewed = false;

  constructor(settings: Settings, handlers: SessionHandlers, socket: Socket, token: string) {
    this.#settings = settings;
    this.#handlers = handlers;
    this.#token = token;
    this.#connection = new Connection(socket, {
      heard: () => this.#heartbeat?.heard(),
      frame: (version, commandId, body) => this.#frame(version, commandId, body),
      ended: (cause) => this.#ended(cause),
    });
    const { verifyTimeoutMs } = settings;
    const late = () => this.destroy(new TimeoutError(verifyTimeoutMs, true));
    this.#verifyTimer = setTimeout(late, timerMs(verifyTimeoutMs));
    this.#verify();
  }

  /** Opens a connection and sends the verify; the result comes through the handlers. Rejects when the connection or the verify could not be sent. */
  static async open(settings: Settings, handlers: SessionHandlers, signal: AbortSignal): Promise<ClientSession> {
    const token = await settings.token(undefined);
    const socket = await openSocket(settings, signal);
    return new ClientSession(settings, handlers, socket, token);
  }

  get info(): SessionInfo | undefined {
    return this.#info;
  }

  write(commandId: number, body: string, written?: (error?: Error | null) => void): void {
    this.#connection.write(this.#settings.version, commandId, body, written);
  }

  pause(): void {
    this.#connection.pause();
  }

  resume(): void {
    this.#connection.resume();
  }

  end(): void {
    this.#connection.end();
  }

  destroy(cause: Error | undefined): void {
    this.#connection.destroy(cause);
  }

  #verify(): void {
    const { phoneNumber, features } = this.#settings;
    const asked = features.length > 0 ? { features } : {};
    this.write(ClientCommand.verify, JSON.stringify({ phone_number: phoneNumber, token: this.#token, ...asked }));
  }

  #ended(cause: Error | undefined): void {
    clearTimeout(this.#verifyTimer);
    this.#heartbeat?.stop();
    this.#handlers.ended(cause);
  }

  /** An unknown command comes from a newer server: it is ignored. */
  #frame(version: number, commandId: number, body: Buffer): void {
    const isUnderstood = this.#dispatch(version, commandId, body);
    if (!isUnderstood) this.#handlers.malformed(commandId, body.toString());
  }

  #dispatch(version: number, commandId: number, body: Buffer): boolean {
    switch (commandId) {
      case ServerCommand.verifyResult:
        return given(parseVerdict(parseJson(body)), (verdict) => this.#verdict(verdict));
      case ServerCommand.single:
      case ServerCommand.group:
      case ServerCommand.broadcast:
        return given(parseChat(commandId, version, parseJson(body)), (message) => this.#handlers.message(message));
      case ServerCommand.accepted:
        return given(parseAccepted(parseJson(body)), ({ ref, id }) => this.#handlers.accepted(ref, id));
      case ServerCommand.refused:
        return given(parseRefused(parseJson(body)), ({ ref, error, message }) =>
          this.#handlers.refused(ref, error, message),
        );
      case ServerCommand.goodbye:
        return given(parseGoodbye(parseJson(body)), (goodbye) => this.#handlers.goodbye(goodbye));
      default:
        if (!isApplicationDown(commandId)) return true;
        return given(
          parseApplication(commandId, version, parseJson(body), this.#info?.features.includes('ack') ?? false),
          (message) => this.#handlers.message(message),
        );
    }
  }

  #verdict(verdict: SessionInfo & { isVerified: boolean }): void {
    if (this.#info) return;
    if (!verdict.isVerified) {
      this.#renewToken().catch((error: Error) => this.destroy(error));
      return;
    }
    clearTimeout(this.#verifyTimer);
    const { isVerified: _, ...info } = verdict;
    this.#info = info;
    this.#heartbeat = this.#startHeartbeat(info);
    this.#handlers.verified(this, info);
  }

  /** One more try with the provider's current token, on the same connection. */
  async #renewToken(): Promise<void> {
    const refused = this.#token;
    if (this.#settings.canRenewToken) this.#token = await this.#settings.token(refused);
    if (this.#token === refused || this.#wasRenewed) {
      throw new TokenRefusedError(`the server does not accept the token of ${this.#settings.phoneNumber}`);
    }
    this.#wasRenewed = true;
    this.#verify();
  }
  #startHeartbeat(info: SessionInfo): Heartbeat {
    const { heartbeatIntervalMs, missedHeartbeats } = this.#settings;
    const bearable = Math.floor((info.heartbeatTimeoutMs ?? Number.POSITIVE_INFINITY) / 3);
    const connection = this.#connection;
    const peer = {
      beat: () => this.write(ClientCommand.heartbeat, ''),
      get isPaused() {
        return connection.isPaused;
      },
      dead: (missed: number) =>
        this.destroy(new UnreachableError(`the server has been silent for ${missed} heartbeats`)),
    };
    const intervalMs = Math.min(heartbeatIntervalMs, bearable);
    return new Heartbeat(peer, intervalMs, info.features.includes('pong') ? missedHeartbeats : undefined);
  }
}

function given<T>(value: T | undefined, apply: (value: T) => void): boolean {
  if (value === undefined) return false;
  apply(value);
  return true;
}

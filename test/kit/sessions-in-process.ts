import { setImmediate as turn } from 'node:timers/promises';
import { onTestFinished, vi } from 'vitest';
import type { MailboxMessage } from '../../contract/store/scripts/mailbox.ts';
import type { ClaimResult, Undelivered } from '../../contract/store/scripts/sessions.ts';
import { composeSessions } from '../../gateway/compose-sessions.ts';
import { parseConfig } from '../../gateway/config.ts';
import { DISCARD } from '../../gateway/net/connection.ts';
import { Counters } from '../../gateway/observe/counters.ts';
import { DirectInterval } from '../../gateway/session/direct-interval.ts';
import { Registry } from '../../gateway/session/registry.ts';
import type { Session } from '../../gateway/session/session.ts';
import { Wheel } from '../../gateway/session/wheel.ts';
import { silentLog } from './gateway.ts';
import { frameBytes } from './peer.ts';

/** A connection whose other side is the test. */
class TestConnection {
  events = DISCARD;
  destroyed = false;
  bytesRead = 0;
  bytesWritten = 0;
  writableLength = 0;
  unsentBytes = (): number => this.writableLength;
  isPaused = false;
  isEnded = false;
  /** What the session wrote. */
  written: Buffer = Buffer.alloc(0);
  #isBlocked = false;
  #waiting: (() => void)[] = [];

  write(bytes: Uint8Array, taken?: (error?: Error | null) => void): void {
    this.written = Buffer.concat([this.written, bytes]);
    if (this.#isBlocked) this.writableLength += bytes.length;
    if (taken === undefined) return;
    if (this.#isBlocked) this.#waiting.push(taken);
    else taken();
  }

  /** The kernel takes no more, as when the peer does not read. */
  block(): void {
    this.#isBlocked = true;
  }

  unblock(): void {
    this.#isBlocked = false;
    this.writableLength = 0;
    for (const taken of this.#waiting.splice(0)) taken();
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  end(bytes?: Uint8Array): void {
    if (bytes) this.write(bytes);
    this.isEnded = true;
  }

  destroy(): void {
    this.destroyed = true;
  }
}

/** A session whose client is the test. */
interface TestClient {
  readonly session: Session;
  readonly connection: TestConnection;
  send(commandId: number, body?: unknown): void;
  sendBytes(...bytes: Buffer[]): void;
  /** Frames so far, as `<command id> <body>`. */
  received(): string[];
}

/**
 * The parts of a gateway between the network and Redis, real, in this process and with a clock that the test moves. What
 * Redis would say is up to the test: `token of <id>` is every user's token, and a mailbox has the `pages` it is given.
 */
export function sessionsInProcess(env: NodeJS.ProcessEnv = {}) {
  vi.useFakeTimers({ toFake: ['performance', 'setInterval', 'clearInterval'], now: 1_000_000 });
  const config = parseConfig({ REDIS_URL: 'redis://127.0.0.1', ...env });
  const counters = new Counters();
  const registry = new Registry();
  const wheel = new Wheel();
  /** What a claim says beside the epoch. */
  const claim = {
    predecessorHandsOver: false,
    lost: 0,
    waiting: 0,
    newestEntry: undefined,
    lastMessageId: 0,
    given: [],
  };
  const pages: MailboxMessage[][] = [];
  const asked: { after: string; waitsForNobody: boolean }[] = [];
  const routed: string[] = [];
  const released: (readonly Undelivered[])[] = [];
  /** What happens while a page is on its way. */
  const meanwhile: (() => void)[] = [];
  let epoch = 0;
  const store = {
    release: async ({ undelivered }: { undelivered: readonly Undelivered[] | Promise<readonly Undelivered[]> }) => {
      released.push(await undelivered);
    },
    stash: async () => undefined,
    settleAcknowledged: async () => undefined,
    settleWritten: async () => undefined,
    giveUpTooLarge: async () => undefined,
    page: async (_session: unknown, from: { after: string; waitsForNobody: boolean }) => {
      asked.push({ after: from.after, waitsForNobody: from.waitsForNobody });
      meanwhile.shift()?.();
      return { messages: pages.shift() ?? [], given: [] };
    },
  };
  const { broadcasts, makeOwner } = composeSessions({
    config,
    registry,
    counters,
    wheel,
    lease: { gatewayId: 'g', isHeld: true },
    checkLease: () => undefined,
    flushNetwork: () => undefined,
    inbox: { latestId: 0, hasPassed: () => true },
    queue: { latestId: 0, directInterval: new DirectInterval(), add: (_sender, { body }) => void routed.push(body) },
    verifier: {
      verify({ userId, token }, _isWanted, answer) {
        epoch += 1;
        const result: ClaimResult =
          token === `token of ${userId}` ? { status: 'claimed', epoch, ...claim } : { status: 'refused' };
        queueMicrotask(() => answer(result));
      },
    },
    sessionStore: store,
    progress: { mark: async () => undefined, wrote: async () => undefined, replied: async () => undefined },
    upstream: undefined,
    traces: undefined,
    tail: { isOn: false, delivered: () => undefined, refused: () => undefined },
    log: silentLog,
  });
  wheel.start();
  onTestFinished(() => {
    wheel.stop();
    vi.useRealTimers();
  });

  let connections = 0;
  const client = (): TestClient => {
    connections += 1;
    const connection = new TestConnection();
    const address = { network: '', connections: 1, unverified: 0, verifiedAtMs: 0 };
    const session = makeOwner(connection, connections, address, undefined);
    return {
      session,
      connection,
      send: (commandId, body = '') => session.receive(frameBytes(commandId, body)),
      sendBytes: (...bytes) => session.receive(Buffer.concat(bytes)),
      received: () => framesIn(connection.written),
    };
  };
  return {
    counters,
    claim,
    pages,
    asked,
    meanwhile,
    routed,
    released,
    broadcasts,
    client,
    async verified(userId: string, features?: string[]): Promise<TestClient> {
      const made = client();
      made.send(1, { phone_number: userId, token: `token of ${userId}`, ...(features ? { features } : {}) });
      await turn();
      return made;
    },
    /** Lets this turn of the event loop end: what was gathered is flushed. */
    turn: () => turn(),
    /** Moves the clock, turn by turn of the wheel. */
    async pass(ms: number): Promise<void> {
      await vi.advanceTimersByTimeAsync(ms);
      await turn();
    },
  };
}

function framesIn(bytes: Buffer): string[] {
  const frames: string[] = [];
  for (let at = 0; at < bytes.length; at += bytes.readUInt32BE(at)) {
    const end = at + bytes.readUInt32BE(at);
    frames.push(`${bytes.readUInt32BE(at + 8)} ${bytes.toString('utf8', at + 12, end)}`);
  }
  return frames;
}

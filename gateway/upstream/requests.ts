import { upstreamAnswerSchema } from '../../contract/upstream.ts';
import { REPLY_OFFSET } from '../../contract/wire/command-ids.ts';
import type { Log } from '../../shared/log.ts';
import { parseJson } from '../../shared/raw-json.ts';
import { Latch } from '../../shared/time/latch.ts';
import { Notice } from '../session/messages.ts';
import type { Session } from '../session/session.ts';
import type { UpstreamCounters } from './counters.ts';
import { InvocationError, type InvocationFailure, type Invoker } from './invoker.ts';
import { type ApplicationFrame, itemText, newTraceparent } from './items.ts';
import type { Pushes } from './pushes.ts';

/** Of one session, so that it cannot take all places. */
const SESSION_MAX = 32;

interface RequestLimits {
  functionName: string;
  timeoutMs: number;
  maxInFlight: number;
  maxWaiting: number;
  /** Of a reply, as of any frame; the client may take less. */
  maxFrameBytes: number;
}

interface RequestsParts {
  invoker: Pick<Invoker, 'ask'>;
  pushes: Pick<Pushes, 'parse' | 'send'>;
  limits: RequestLimits;
  counters: Pick<UpstreamCounters, 'requests' | 'requestsAnswered' | 'requestsRefused' | 'failed'>;
  log: Log;
}

interface Request {
  session: Session;
  userId: string;
  frame: ApplicationFrame;
  traceparent: string;
  payload: string;
  /** Aborted when its deadline is over. */
  overdue: AbortController;
  timer: NodeJS.Timeout;
  isAnswered: boolean;
}

/**
 * Requests of devices: each its own invocation, a bounded number at a time, those of one session one after the other. The
 * deadline runs from the frame on, the wait for a place included. Every request ends with a reply or an error frame.
 */
export class Requests {
  readonly #parts: RequestsParts;
  readonly #queues = new Map<Session, Request[]>();
  /** Sessions whose next request may go. */
  #ready: Session[] = [];
  #inFlight = 0;
  #open = 0;
  readonly #idle = new Latch();

  constructor(parts: RequestsParts) {
    this.#parts = parts;
  }

  /** With the function, or waiting for it. */
  get open(): number {
    return this.#open;
  }

  add(session: Session, frame: ApplicationFrame): void {
    const { limits, counters } = this.#parts;
    counters.requests += 1;
    if (this.#open >= limits.maxInFlight + limits.maxWaiting || session.uplink.requests >= SESSION_MAX) {
      counters.requestsRefused += 1;
      return session.reject('upstream_full', frame.version, frame.ref);
    }
    const traceparent = newTraceparent();
    const item = itemText(session, session.uplink.nextSequence(session.epoch), frame, traceparent);
    const deadline = Date.now() + limits.timeoutMs;
    const request: Request = {
      session,
      userId: session.userId,
      frame,
      traceparent,
      payload: `{"fronttcp":1,"kind":"request","deadline":${deadline},"item":${item}}`,
      overdue: new AbortController(),
      timer: setTimeout(() => this.#expire(request), limits.timeoutMs),
      isAnswered: false,
    };
    this.#open += 1;
    session.uplink.beginRequest();
    const queue = this.#queues.get(session);
    if (queue) queue.push(request);
    else {
      this.#queues.set(session, [request]);
      this.#ready.push(session);
    }
    this.#next();
  }

  /** Resolves when every request so far has its reply. */
  async idle(): Promise<void> {
    if (this.#open > 0) await this.#idle.opened();
  }

  #next(): void {
    while (this.#inFlight < this.#parts.limits.maxInFlight) {
      const session = this.#ready.shift();
      if (session === undefined) return;
      const request = this.#queues.get(session)?.[0];
      if (request === undefined) continue;
      this.#inFlight += 1;
      void this.#serve(request).finally(() => {
        this.#inFlight -= 1;
        this.#leave(session, request);
        this.#next();
      });
    }
  }

  #leave(session: Session, request: Request): void {
    clearTimeout(request.timer);
    this.#open -= 1;
    session.uplink.endRequest();
    const queue = this.#queues.get(session) ?? [];
    queue.shift();
    if (queue.length > 0) this.#ready.push(session);
    else this.#queues.delete(session);
    if (this.#open === 0) this.#idle.open();
  }

  /** Does not reject. */
  async #serve(request: Request): Promise<void> {
    const { invoker, limits, log } = this.#parts;
    if (request.isAnswered) return;
    try {
      const answer = await invoker.ask(limits.functionName, request.payload, request.overdue.signal);
      await this.#reply(request, answer);
    } catch (error) {
      const failure = error instanceof InvocationError ? error.failure : 'upstream_failed';
      const { commandId } = request.frame;
      const { userId: user, traceparent } = request;
      log.warn(
        { event: 'request_failed', command: commandId, user, traceparent, failure, error: String(error) },
        'a request to the upstream function failed',
      );
      this.#refuse(request, failure);
    }
  }

  /** The messages that the function sends are routed before the reply: a client that has the reply may count on them. */
  async #reply(request: Request, text: string): Promise<void> {
    const { pushes, limits, counters } = this.#parts;
    const { frame, session, traceparent } = request;
    const answer = upstreamAnswerSchema.safeParse(text === '' ? null : parseJson(text));
    if (!answer.success) throw new Error(`its answer ${answer.error.issues.map(({ message }) => message).join(', ')}`);
    const { reply, send } = answer.data;
    const body = JSON.stringify(frame.ref === undefined ? reply : { ...reply, ref: frame.ref });
    const notice = new Notice(frame.version, frame.commandId + REPLY_OFFSET, body);
    const maxBytes = takesReply(request) ? Math.min(limits.maxFrameBytes, session.maxFrameBytes) : limits.maxFrameBytes;
    if (notice.frame().length > maxBytes) {
      throw new InvocationError('upstream_failed', `its reply is larger than a frame of ${maxBytes} bytes`);
    }
    const commands = pushes.parse(send, traceparent);
    if (commands.length > 0) await pushes.send(commands);
    if (!this.#isFirstReply(request)) return;
    counters.requestsAnswered += 1;
    if (takesReply(request)) session.send(notice);
  }

  /** Called while it waits for its place, or is with the function: the invocation is given up. */
  #expire(request: Request): void {
    request.overdue.abort();
    this.#refuse(request, 'upstream_timeout');
  }

  #refuse(request: Request, failure: InvocationFailure): void {
    if (!this.#isFirstReply(request)) return;
    this.#parts.counters.requestsRefused += 1;
    this.#parts.counters.failed(failure);
    const { session, frame } = request;
    if (session.userId === request.userId) session.reject(failure, frame.version, frame.ref);
  }

  /** Returns whether this is the first reply to the request, and notes it. */
  #isFirstReply(request: Request): boolean {
    if (request.isAnswered) return false;
    request.isAnswered = true;
    return true;
  }
}

/** Whether the client is still the user who asked, and knows replies. */
function takesReply({ session, userId }: Request): boolean {
  return session.userId === userId && session.form !== 'plain';
}

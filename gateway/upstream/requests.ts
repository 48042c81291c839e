import { upstreamAnswerSchema } from '../../contract/upstream.ts';
import { Notice } from '../delivery/messages.ts';
import type { Log } from '../observe/log.ts';
import type { Session } from '../session/session.ts';
import type { UpstreamCounters } from './counters.ts';
import { InvocationError, type InvocationFailure, type Invoker } from './invoker.ts';
import { type ApplicationFrame, itemText, newTraceparent, type SessionUpstream } from './items.ts';
import type { Pushes } from './pushes.ts';

/** `command_id` of an answer, less that of the request. */
const REPLY_OFFSET = 1_000;
/** Of one session, so that it cannot take all places. */
const SESSION_MAX = 32;

export interface RequestLimits {
  functionName: string;
  timeoutMs: number;
  maxInFlight: number;
  maxWaiting: number;
  /** Of a reply, as of any frame. */
  maxFrameBytes: number;
}

interface RequestsParts {
  invoker: Invoker;
  pushes: Pushes;
  limits: RequestLimits;
  counters: UpstreamCounters;
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
 * deadline runs from the frame on, the wait for a place included. Every request is answered, by a reply or an error frame.
 */
export class Requests {
  readonly #parts: RequestsParts;
  readonly #queues = new Map<SessionUpstream, Request[]>();
  /** Sessions whose next request may go. */
  #ready: SessionUpstream[] = [];
  #inFlight = 0;
  #open = 0;
  readonly #idle: (() => void)[] = [];

  constructor(parts: RequestsParts) {
    this.#parts = parts;
  }

  /** With the function, or waiting for it. */
  get open(): number {
    return this.#open;
  }

  add(session: Session, state: SessionUpstream, frame: ApplicationFrame): void {
    const { limits, counters } = this.#parts;
    counters.requests += 1;
    if (this.#open >= limits.maxInFlight + limits.maxWaiting || state.requests >= SESSION_MAX) {
      counters.requestsRefused += 1;
      return session.refuseKindly('upstream_full', frame.version, frame.ref);
    }
    const traceparent = newTraceparent();
    const item = itemText(session, state.next(session.epoch), frame, traceparent);
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
    state.requests += 1;
    const queue = this.#queues.get(state);
    if (queue) queue.push(request);
    else {
      this.#queues.set(state, [request]);
      this.#ready.push(state);
    }
    this.#next();
  }

  /** Resolves when every request so far has its answer. */
  async idle(): Promise<void> {
    if (this.#open > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  #next(): void {
    while (this.#inFlight < this.#parts.limits.maxInFlight) {
      const state = this.#ready.shift();
      if (state === undefined) return;
      const request = this.#queues.get(state)?.[0];
      if (request === undefined) continue;
      this.#inFlight += 1;
      void this.#serve(request).finally(() => {
        this.#inFlight -= 1;
        this.#leave(state, request);
        this.#next();
      });
    }
  }

  #leave(state: SessionUpstream, request: Request): void {
    clearTimeout(request.timer);
    this.#open -= 1;
    state.requests -= 1;
    const queue = this.#queues.get(state) ?? [];
    queue.shift();
    if (queue.length > 0) this.#ready.push(state);
    else this.#queues.delete(state);
    if (this.#open === 0) for (const resolve of this.#idle.splice(0)) resolve();
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

  /** What it sends is routed before it is answered: who has the reply may count on it. */
  async #reply(request: Request, text: string): Promise<void> {
    const { pushes, limits, counters } = this.#parts;
    const { frame, session, traceparent } = request;
    const answer = upstreamAnswerSchema.safeParse(text === '' ? null : JSON.parse(text));
    if (!answer.success) throw new Error(`its answer ${answer.error.issues.map(({ message }) => message).join(', ')}`);
    const { reply, send } = answer.data;
    const body = JSON.stringify(frame.ref === undefined ? reply : { ...reply, ref: frame.ref });
    const notice = new Notice(frame.version, frame.commandId + REPLY_OFFSET, body);
    if (notice.frame().length > limits.maxFrameBytes) {
      throw new InvocationError('upstream_failed', `its reply is larger than a frame of ${limits.maxFrameBytes} bytes`);
    }
    const commands = pushes.parse(send, traceparent);
    if (commands.length > 0) await pushes.send(commands);
    if (!this.#settle(request)) return;
    counters.requestsAnswered += 1;
    if (session.userId === request.userId && session.form !== 'plain') session.send(notice);
  }

  /** Called while it waits for its place, or is with the function: the invocation is given up. */
  #expire(request: Request): void {
    request.overdue.abort();
    this.#refuse(request, 'upstream_timeout');
  }

  #refuse(request: Request, failure: InvocationFailure): void {
    if (!this.#settle(request)) return;
    this.#parts.counters.requestsRefused += 1;
    this.#parts.counters.failed(failure);
    const { session, frame } = request;
    if (session.userId === request.userId) session.refuseKindly(failure, frame.version, frame.ref);
  }

  /** Answers whether this is its first answer. */
  #settle(request: Request): boolean {
    if (request.isAnswered) return false;
    request.isAnswered = true;
    return true;
  }
}

/**
 * The allowed fields of log lines, the same for functions and gateway. A field that is not in this table is not logged:
 * a body, a token or a password can only be logged by a change here, not by a mistake elsewhere.
 */
export const LOG_FIELDS = {
  event: 'what happened: a name of docs/logs.md',
  part: '`api` or `gateway`',
  gateway: 'id of the gateway',
  user: 'user id',
  epoch: "number of the user's session",
  connection: "number of the connection, of this process's",
  address: "the peer's address",
  source_ip: "the HTTP client's address",
  request_id: 'of the HTTP request, as in its answer',
  trace_id: 'W3C trace id',
  traceparent: 'W3C trace context',
  method: 'HTTP method',
  route: 'route of the HTTP API',
  status: 'HTTP status',
  duration_ms: 'of the request',
  reason: 'why, a code: of a close, a refusal, a reply',
  failure: 'error code that the device gets',
  error: 'message of an error',
  error_name: 'its class',
  stack: 'where it came from; only of errors that nobody expected',
  what: 'which step failed',
  why: 'in words',
  count: 'how many since the last such line',
  suppressed: 'lines of this event that were left out before this one',
  of: 'the event whose lines were left out',
  messages: 'message ids, or how many',
  online: 'connected recipients',
  stored: 'recipients whose mailbox has it',
  unknown: 'unknown recipients',
  refused: 'commands of the request that were refused',
  outcome: 'of a request that waits: the step that was reached, pending, or why it cannot be',
  target: 'the user, command or token that a request is about',
  port: 'TCP port',
  health_port: 'HTTP port',
  connections: 'open TCP connections',
  sessions: 'verified sessions',
  resumed: 'sessions taken up again',
  repeated: 'calls to Redis that were made again',
  forgotten: 'sessions that Redis knew nothing of',
  left: 'sessions that Redis believed to be here',
  previous: 'the id before',
  dead: 'id of the gateway that is buried',
  leaving: 'whether it leaves of its own accord',
  rerouted: 'messages put into mailboxes',
  lost: 'sessions marked as lost',
  entry: 'id of an entry in Redis',
  polls: 'whether the store refuses to block',
  function: 'name of the upstream function',
  batch: 'id of the invocation',
  attempt: 'how many times it was tried',
  lane: 'number of the upstream lane',
  bytes: 'size',
  command: 'command_id',
  blocked_ms: 'how long the event loop stood still',
  jump_ms: 'how far the clock was set; negative: back',
  records: 'records of an inbox',
  after: 'the last event before a gap',
  before: 'the first event behind a gap',
  verifies: 'verifies in a call',
  commands: 'commands of a batch',
  budget_ms: 'how long a step of the stop may take',
  round_trip_ms: 'to Redis and back',
  mean: 'connections per gateway',
} as const;

const MAX_TEXT = 500;
const MAX_STACK = 4_000;
/** Messages of JSON.parse quote the input, which is a user's content. */
const QUOTED = /, ?(?:\.\.\.)?"[\s\S]*"(?:\.\.\.)? is not valid JSON/;

/** Returns the allowed fields, with bounded texts; for others only a mark that they existed. */
export function withoutSecrets(line: object): Record<string, unknown> {
  const allowed: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(line)) {
    if (!Object.hasOwn(LOG_FIELDS, name)) allowed[name] = '[redacted]';
    else if (typeof value === 'string') allowed[name] = bounded(name, value);
    else if (typeof value !== 'object' || value === null) allowed[name] = value;
    else allowed[name] = '[redacted]';
  }
  return allowed;
}

function bounded(name: string, text: string): string {
  const unquoted = name === 'error' || name === 'stack' ? text.replace(QUOTED, ': not valid JSON') : text;
  const max = name === 'stack' ? MAX_STACK : MAX_TEXT;
  return name === 'messages' || unquoted.length <= max ? unquoted : `${unquoted.slice(0, max)}…`;
}

/** The logging library's number for warnings; errors are above. */
const WARN = 40;
/** Maximum of warnings and errors of one event and reason in one window. */
const WINDOW_MS = 10_000;
const LINES_PER_WINDOW = 20;

/** Keeps a flood of one event from filling the log: lines beyond LINES_PER_WINDOW in ten seconds are only counted, and their number is logged. */
export class FloodLimiter {
  readonly #events = new Map<string, { since: number; lines: number; suppressed: number }>();

  /**
   * Decides what to log of a call of the logging library, `(line, text)`: all of it, the same with the number of lines left out
   * before it, or nothing. Lines below a warning always pass: they are few, or audit records, or enabled by the log level.
   */
  filter(call: readonly unknown[], level: number, nowMs: number): readonly unknown[] | undefined {
    const [line, ...rest] = call;
    if (level < WARN || !hasEvent(line)) return call;
    const suppressed = this.admit(line.reason === undefined ? line.event : `${line.event} ${line.reason}`, nowMs);
    if (suppressed === undefined) return undefined;
    return suppressed === 0 ? call : [{ ...line, suppressed }, ...rest];
  }

  /** How many lines were left out before this one; undefined: this one is left out, too. */
  admit(event: string, nowMs: number): number | undefined {
    const seen = this.#events.get(event);
    if (seen === undefined || nowMs - seen.since >= WINDOW_MS) {
      this.#events.set(event, { since: nowMs, lines: 1, suppressed: 0 });
      return seen?.suppressed ?? 0;
    }
    if (seen.lines >= LINES_PER_WINDOW) {
      seen.suppressed += 1;
      return undefined;
    }
    seen.lines += 1;
    return 0;
  }

  /** The numbers of lines left out of floods that ended without another line. */
  takeOver(nowMs: number): [event: string, suppressed: number][] {
    const over: [string, number][] = [];
    for (const [event, seen] of this.#events) {
      if (nowMs - seen.since < WINDOW_MS) continue;
      if (seen.suppressed > 0) over.push([event, seen.suppressed]);
      this.#events.delete(event);
    }
    return over;
  }
}

function hasEvent(line: unknown): line is { event: string; reason?: unknown } {
  return typeof line === 'object' && line !== null && 'event' in line && typeof line.event === 'string';
}

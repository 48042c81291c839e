import type { Device } from './device.ts';
import type { ScriptedGateway } from './gateway.ts';

/** Headings of docs/protocol.md with the rule. */
type Clause =
  | 'A frame'
  | 'Commands'
  | 'The life of a connection'
  | 'Verify'
  | 'Messages with ack'
  | 'Messages that ask'
  | 'Timing'
  | 'What is refused'
  | 'Why a connection ends';

export interface Stage {
  readonly gateway: ScriptedGateway;
  /** Time limit for an answer of the device. */
  readonly patienceMs: number;
  /** Time limit for a reconnect. */
  readonly returnMs: number;
  /** A verified connection: the current one, or the next. */
  verified(): Promise<Device>;
  /** A new verified connection; the body of the verify reply may be given. */
  fresh(verdict?: Record<string, unknown>): Promise<Device>;
  /** A connection that has not been verified yet. */
  unverified(): Promise<Device>;
}

export interface ConformanceCase {
  readonly title: string;
  readonly clause: Clause;
  /** Features that the device must have requested; without them the case does not apply. */
  readonly needs?: readonly string[];
  /** The device does not reconnect after it. */
  readonly isLast?: boolean;
  readonly run: (stage: Stage) => Promise<void>;
}

/** The case does not apply to this device. */
export class NotApplicable extends Error {
  override name = 'NotApplicable';
}

/** A message of the gateway in full, so that the device acknowledges it. */
export function messageBody(id: string, content: unknown = 'hello'): Record<string, unknown> {
  return { chat_from: 'conformance', chat_content: content, id, sent_at: 1_795_340_000_000 };
}

/** The device has processed a message when it acknowledges its id: the only sign that every device gives. */
export async function acknowledges(device: Device, stage: Stage, ids: readonly string[], what: string): Promise<void> {
  const isDone = (): boolean => ids.every((id) => device.acknowledged.includes(id));
  await device.until(isDone, stage.patienceMs, `an acknowledgement (command 6) of ${what}`);
}

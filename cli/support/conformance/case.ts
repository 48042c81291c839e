import type { Device } from './device.ts';
import type { ScriptedGateway } from './gateway.ts';

/** Headings of docs/protocol.md: where a reader finds the rule. */
export type Clause =
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
  /** How long the device has for an answer. */
  readonly patienceMs: number;
  /** How long it has to come back. */
  readonly returnMs: number;
  /** A verified connection: the one that is there, or the next. */
  verified(): Promise<Device>;
  /** A connection that is new and verified; what the verdict says may be chosen. */
  fresh(verdict?: Record<string, unknown>): Promise<Device>;
  /** A connection that has not been verified yet. */
  unverified(): Promise<Device>;
}

export interface ConformanceCase {
  readonly title: string;
  readonly clause: Clause;
  /** Features that the device must have asked for; without them the case says nothing about it. */
  readonly needs?: readonly string[];
  /** The device does not come back after it. */
  readonly isLast?: boolean;
  readonly run: (stage: Stage) => Promise<void>;
}

/** The case says nothing about this device. */
export class NotApplicable extends Error {
  override name = 'NotApplicable';
}

/** A message of the gateway in full, so that the device acknowledges it. */
export function messageBody(id: string, content: unknown = 'hello'): Record<string, unknown> {
  return { chat_from: 'conformance', chat_content: content, id, sent_at: 1_795_340_000_000 };
}

/** The device has taken a message when it acknowledges its id: the only sign of it that every device gives. */
export async function acknowledges(device: Device, stage: Stage, ids: readonly string[], what: string): Promise<void> {
  const isDone = (): boolean => ids.every((id) => device.acknowledged.includes(id));
  await device.until(isDone, stage.patienceMs, `an acknowledgement (command 6) of ${what}`);
}

import { randomFillSync } from 'node:crypto';
import type { Session } from '../session/session.ts';

/** An application command as its handler hands it over. */
export interface ApplicationFrame {
  readonly commandId: number;
  readonly version: number;
  readonly ref: string | number | undefined;
  /** JSON text. */
  readonly body: string;
}

/** JSON text of an `UpstreamItem`, the body as the device wrote it. */
export function itemText(session: Session, seq: number, frame: ApplicationFrame, traceparent: string): string {
  const user = JSON.stringify(session.userId);
  const { commandId, version, body } = frame;
  return `{"user":${user},"epoch":${session.epoch},"seq":${seq},"at":${Date.now()},"traceparent":"${traceparent}","command_id":${commandId},"version":${version},"body":${body}}`;
}

/** 16 bytes of trace and 8 of span. */
const TRACE_BYTES = 24;
/** Randomness is asked for in bulk: a call for each item would be a twentieth of its cost. */
const pool = Buffer.alloc(TRACE_BYTES * 256);
let used = pool.length;

/** A trace of its own for what a device begins. */
export function newTraceparent(): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const ids = pool.toString('hex', used, used + TRACE_BYTES);
  used += TRACE_BYTES;
  return `00-${ids.slice(0, 32)}-${ids.slice(32)}-01`;
}

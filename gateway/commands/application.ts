import { UPSTREAM_BATCH_BYTES, UPSTREAM_BODY_DEPTH } from '../../contract/upstream.ts';
import { isWithinDepth } from '../../contract/wire/commands.ts';
import type { Session } from '../session/session.ts';
import { parseJsonBytes, refSchema } from './body.ts';
import type { Handler } from './handler.ts';

/** The maximum number of bytes that the item around a body takes of a batch. */
const MAX_ITEM_BYTES = 4_096;

export interface ApplicationParts {
  /** Undefined: no function takes what devices send. */
  readonly upstream: ApplicationCommands | undefined;
}

interface ApplicationCommands {
  isRefused(commandId: number): boolean;
  take(session: Session, frame: ApplicationFrame): void;
}

/** An application command. */
interface ApplicationFrame {
  readonly commandId: number;
  readonly version: number;
  readonly ref: string | number | undefined;
  /** JSON text. */
  readonly body: string;
}

/** 1000–1999: for the upstream function. */
export const application: Handler<ApplicationParts> = (session, frame, { upstream }) => {
  const { commandId, version } = frame;
  const isEmpty = frame.bodyBytes === 0;
  const value = isEmpty ? null : parseJsonBytes(frame.body);
  if (value === undefined) return session.rejectAsViolation('malformed', version);
  const ref = refIn(value);
  if (upstream === undefined || upstream.isRefused(commandId)) {
    return session.reject('no_upstream', version, ref);
  }
  if (frame.bodyBytes > UPSTREAM_BATCH_BYTES - MAX_ITEM_BYTES || !isWithinDepth(value, UPSTREAM_BODY_DEPTH)) {
    return session.reject('upstream_too_large', version, ref);
  }
  upstream.take(session, { commandId, version, ref, body: isEmpty ? 'null' : frame.body.toString('utf8') });
};

function refIn(value: unknown): string | number | undefined {
  if (typeof value !== 'object' || value === null || !('ref' in value)) return undefined;
  const ref = refSchema.safeParse(value.ref);
  return ref.success ? ref.data : undefined;
}

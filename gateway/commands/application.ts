import { UPSTREAM_BATCH_BYTES, UPSTREAM_BODY_DEPTH } from '../../contract/upstream.ts';
import { isWithinDepth } from '../../contract/wire/commands.ts';
import { Mode } from '../upstream/settings.ts';
import { parseJson, refSchema } from './body.ts';
import type { Handler } from './dispatch.ts';

/** Of a batch's bytes, what the item around a body takes at the most. */
const ITEM_BYTES = 4_096;

/** 1000–1999: for the upstream function. */
export const application: Handler = (session, frame, { upstream }) => {
  const { commandId, version } = frame;
  const isEmpty = frame.bodyBytes === 0;
  const value = isEmpty ? null : parseJson(frame.body);
  if (value === undefined) return session.refuse('malformed', version);
  const ref = refIn(value);
  if (upstream === undefined || upstream.modeOf(commandId) === Mode.refused) {
    return session.refuseKindly('no_upstream', version, ref);
  }
  if (frame.bodyBytes > UPSTREAM_BATCH_BYTES - ITEM_BYTES || !isWithinDepth(value, UPSTREAM_BODY_DEPTH)) {
    return session.refuseKindly('upstream_too_large', version, ref);
  }
  upstream.take(session, { commandId, version, ref, body: isEmpty ? 'null' : frame.body.toString('utf8') });
};

function refIn(value: unknown): string | number | undefined {
  if (typeof value !== 'object' || value === null || !('ref' in value)) return undefined;
  const ref = refSchema.safeParse(value.ref);
  return ref.success ? ref.data : undefined;
}

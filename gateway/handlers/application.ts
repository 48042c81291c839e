import { parseJson, refOf } from './body.ts';
import type { Handler } from './handlers.ts';

/** 1000–1999: for the upstream function. */
export const application: Handler = (session, frame) => {
  if (frame.bodyBytes > 0 && parseJson(frame.body) === undefined) return session.refuse('malformed', frame.version);
  session.refuseKindly('no_upstream', frame.version, refOf(frame));
};

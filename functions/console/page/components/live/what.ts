import { text } from '../../texts/texts.ts';
import { STATES, stateText } from '../states.tsx';

const WHATS = ['connected', 'disconnected', 'lost', 'delivered', 'refused', 'verify_refused', 'sent'] as const;
const BAD = ['lost', 'refused', 'verify_refused', 'failed', 'expired'];

/** What happened, of a line of the tail or an entry of a timeline. One that the page does not know is shown by its own name. */
export function whatText(what: string): string {
  const known = WHATS.find((one) => one === what);
  return known ? text(`live.what.${known}`) : stateText(what);
}

/** A class of `.state`. */
export function whatTone(what: string): string {
  if (BAD.includes(what)) return 'failed';
  if (what === 'connected' || what === 'delivered') return 'written';
  return STATES.some((one) => one === what) ? what : 'stored';
}

/** `heartbeat_timeout` as words; they are codes that the documentation has. */
export function reasonText(reason: string): string {
  return reason.replaceAll('_', ' ');
}

import type { AskState } from '../../contract/store/scripts/asks.ts';
import type { WaitStep } from '../../contract/store/scripts/route.ts';
import { parseJson } from '../../shared/raw-json.ts';

/** The response to a call that waited for a step. */
export type Outcome =
  | { readonly kind: 'reached'; readonly outcome: 'written' | 'acknowledged' | 'replied'; readonly reply?: unknown }
  | { readonly kind: 'pending' }
  /** The step can no longer happen. */
  | { readonly kind: 'impossible'; readonly error: ImpossibleStep };

type ImpossibleStep =
  | 'replaced'
  | 'cancelled'
  | 'expired'
  | 'too_large'
  | 'cannot_acknowledge'
  | 'cannot_reply'
  | 'away'
  | 'failed';

/** `written` is also reached when a later step was recorded first. A reply is not an acknowledgement. */
const REACHED = {
  written: ['written', 'acknowledged', 'replied'],
  acknowledged: ['acknowledged'],
  reply: ['replied'],
} as const;

const OUTCOME = { written: 'written', acknowledged: 'acknowledged', reply: 'replied' } as const;

/** The state of a command that waits for `step`, by its receipt. */
export function outcomeOf(step: WaitStep, state: AskState | undefined): Outcome {
  if (state === undefined) return { kind: 'pending' };
  const reached: readonly string[] = REACHED[step];
  if (state.steps.some(({ state: past }) => reached.includes(past))) {
    const reply = step === 'reply' && state.reply !== undefined ? { reply: parseJson(state.reply) } : {};
    return { kind: 'reached', outcome: OUTCOME[step], ...reply };
  }
  const error = impossibility(step, state);
  return error === undefined ? { kind: 'pending' } : { kind: 'impossible', error };
}

function impossibility(step: WaitStep, { state, reason }: AskState): ImpossibleStep | undefined {
  if (state === 'replaced' || state === 'cancelled' || state === 'expired') return state;
  if (state === 'failed') return reason === 'too_large' ? 'too_large' : reason === 'offline' ? 'away' : 'failed';
  // The session that it was written to had this form: it will not be written again.
  if (state !== 'written') return undefined;
  if (step === 'reply' && reason === 'plain') return 'cannot_reply';
  if (step === 'acknowledged' && (reason === 'plain' || reason === 'extended')) return 'cannot_acknowledge';
  return undefined;
}

import { type AskState, joinWait } from '../../contract/store/scripts/asks.ts';
import type { expireAsk } from '../../contract/store/scripts/expire-ask.ts';
import type { WaitStep } from '../../contract/store/scripts/route.ts';
import { DEFAULT_WAIT_SECONDS, type SendCommand } from '../../contract/wire/commands.ts';
import { HttpRefusal } from '../http/refusal.ts';
import { type ApiRequest, WithStatus } from '../http/serve.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { type Outcome, outcomeOf } from './outcome.ts';
import type { One } from './send-commands.ts';
import type { StepWaits } from './step-waits.ts';

function onlyRecipient({ chat_to }: SendCommand): string {
  return (typeof chat_to === 'string' ? chat_to : Array.isArray(chat_to) ? chat_to[0] : undefined) ?? '';
}

/**
 * Waits for a step of a command that was just sent, or sent by an earlier call with the same Idempotency-Key. Returns the
 * members of a 200 when the step was reached, a 202 when the time is over; refuses with 409 when it can no longer happen.
 */
export async function waitForStep(
  runtime: Pick<Runtime, 'redis' | 'keys' | 'environment' | 'log'>,
  waits: StepWaits,
  { command, sent, isRepeated }: One,
  step: WaitStep,
  logFields: ApiRequest['logFields'],
): Promise<object> {
  const { timeout_s: seconds = DEFAULT_WAIT_SECONDS, command_id: commandId } = command;
  const ask = { id: sent.id, userId: onlyRecipient(command), commandId };
  // The receipt notifies the instance of the earlier call: this instance joins it.
  if (isRepeated) await joinWait(runtime.redis, runtime.keys, ask, waits.instance);
  const last = await waits.wait(ask, (now) => outcomeOf(step, now).kind !== 'pending', seconds * 1_000, isRepeated);
  const outcome = outcomeOf(step, last?.state === 'stored' ? await withoutExpired(runtime, ask, last) : last);
  logFields.outcome = wordOf(outcome);
  if (outcome.kind === 'impossible') throw new HttpRefusal(409, outcome.error, { members: { id: sent.id } });
  if (outcome.kind === 'pending') return new WithStatus(202, 'pending', { ...sent, outcome: 'pending' });
  const { reply } = outcome;
  return { ...sent, outcome: outcome.outcome, ...(outcome.outcome === 'replied' ? { reply } : {}) };
}

/** The last known state when Redis cannot be asked: the command was accepted. */
async function withoutExpired(
  { redis, keys, environment, log }: Parameters<typeof waitForStep>[0],
  ask: Parameters<typeof expireAsk>[2],
  last: AskState,
): Promise<AskState | undefined> {
  try {
    // Few calls need it: it is not read when a process starts.
    const script = await import('../../contract/store/scripts/expire-ask.ts');
    return await script.expireAsk(redis, keys, ask, environment.OFFLINE_TTL_S);
  } catch (error) {
    log.warn({ event: 'wait_failed', error: String(error) }, 'could not look for what has expired');
    return last;
  }
}

/** For the log line and the trace. */
function wordOf(outcome: Outcome): string {
  if (outcome.kind === 'reached') return outcome.outcome;
  return outcome.kind === 'impossible' ? outcome.error : outcome.kind;
}

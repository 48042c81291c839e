import { RedisUnavailableError } from '../../shared/redis/errors.ts';
import { SpanName } from '../../shared/trace.ts';
import { readJson } from '../http/body.ts';
import { type Answer, type ApiRequest, type Handler, type Rule, serve } from '../http/serve.ts';
import { traceparentOf } from '../http/traceparent.ts';
import { authorize, type Caller, presentedToken } from '../runtime/authorize.ts';
import { lambdaEntry } from '../runtime/lambda-entry.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { idempotencyOf } from './idempotency.ts';
import { createSender, type Sent, UnauthorizedSendError, UncheckedOperator } from './send.ts';
import { sendBatch, sendOne } from './send-commands.ts';
import { StepWaits } from './step-waits.ts';
import { waitForStep } from './wait-for-step.ts';

/** Characters of a body that is read before its sender is authorized: more would be work for anybody. */
const MAX_UNAUTHORIZED_BODY = 65_536;

/** POST /send-command: one command, or up to 100 with their results in the same order. */
export function createHandler(runtime: Runtime): Handler {
  const { environment, log } = runtime;
  const limits = { maxRecipients: environment.MAX_RECIPIENTS, maxFrameBytes: environment.MAX_FRAME_BYTES };
  const waits = new StepWaits(runtime);
  const send = createSender(runtime, waits.instance);

  async function sendFor(caller: Caller, request: ApiRequest, operator?: UncheckedOperator): Promise<Answer> {
    const { userId, recipients } = caller;
    const body = readJson(request.event, environment.MAX_BODY_BYTES);
    const traceparent = request.trace?.traceparent ?? traceparentOf(request.event.headers.traceparent);
    const idempotency = idempotencyOf(request.event.headers['idempotency-key'], userId, body);
    request.logFields.trace_id = traceparent.slice(3, 35);
    const sending = {
      from: userId,
      recipients,
      operator,
      traceparent,
      trace: request.trace,
      idempotency,
      language: request.language,
      logFields: request.logFields,
    };
    if (!Object.hasOwn(body, 'commands')) {
      const one = await sendOne(send, body, limits, sending);
      note(request, [one.sent], one.isRepeated ? 0 : 1);
      const step = one.command.wait;
      if (step === undefined) return one.sent;
      const wait = () => waitForStep(runtime, waits, one, step, request.logFields);
      return request.trace?.step(SpanName.wait, wait) ?? wait();
    }
    const { results, accepted } = await sendBatch(send, body, limits, sending);
    const sent = results.filter((result) => result.code === 1);
    note(request, sent, accepted);
    request.logFields.refused = results.length - sent.length;
    return { results };
  }

  /** The script that sends checks the token of an operator as well, in the same call. A refusal is given only after an authorization. */
  const sendCommand: Rule = async (request) => {
    const isSmall = (request.event.body ?? '').length <= MAX_UNAUTHORIZED_BODY;
    const presented = isSmall ? presentedToken(request) : undefined;
    if (presented === undefined) return sendFor(await authorize(runtime, request, 'send'), request);
    const operator = new UncheckedOperator(presented);
    try {
      const answer = await sendFor({ userId: presented.userId, recipients: undefined }, request, operator);
      if (!operator.isGenuine) await authorize(runtime, request, 'send');
      return answer;
    } catch (error) {
      if (operator.isGenuine || error instanceof RedisUnavailableError) throw error;
      const caller = await authorize(runtime, request, 'send');
      if (!(error instanceof UnauthorizedSendError)) throw error;
      return sendFor(caller, request);
    } finally {
      if (operator.isGenuine) request.logFields.user = presented.userId;
    }
  };
  return serve(log, { 'POST /send-command': sendCommand, 'POST /web/send-command': sendCommand });
}

/**
 * The audit record: the sender (`user`, above), the commands (ids, never contents), the number of recipients. `accepted`: how many
 * of them no earlier call has sent.
 */
function note({ logFields, counted }: ApiRequest, sent: readonly Sent[], accepted: number): void {
  counted.commands = accepted;
  logFields.messages = sent.map(({ id }) => id).join(',');
  for (const kind of ['online', 'stored', 'unknown'] as const) {
    logFields[kind] = sent.reduce((sum, { recipients }) => sum + ('members' in recipients ? 0 : recipients[kind]), 0);
  }
}

export const handler = lambdaEntry(createHandler);

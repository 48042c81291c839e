import { SpanName } from '../../shared/trace.ts';
import { readJson } from '../http/body.ts';
import { type Handler, type Rule, serve } from '../http/serve.ts';
import { traceparentOf } from '../http/traceparent.ts';
import { authorize } from '../runtime/authorize.ts';
import { lambdaEntry } from '../runtime/lambda-entry.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { idempotencyOf } from './idempotency.ts';
import { createSender, type Sent } from './send.ts';
import { sendBatch, sendOne } from './send-commands.ts';
import { StepWaits } from './step-waits.ts';
import { waitForStep } from './wait-for-step.ts';

/** POST /send-command: one command, or up to 100 with their results in the same order. */
export function createHandler(runtime: Runtime): Handler {
  const { environment, log } = runtime;
  const limits = { maxRecipients: environment.MAX_RECIPIENTS, maxFrameBytes: environment.MAX_FRAME_BYTES };
  const waits = new StepWaits(runtime);
  const send = createSender(runtime, waits.instance);

  const sendCommand: Rule = async (request) => {
    const { userId, recipients } = await authorize(runtime, request, 'send');
    const body = readJson(request.event, environment.MAX_BODY_BYTES);
    const traceparent = request.trace?.traceparent ?? traceparentOf(request.event.headers.traceparent);
    const idempotency = idempotencyOf(request.event.headers['idempotency-key'], userId, body);
    request.facts.trace_id = traceparent.slice(3, 35);
    const sending = {
      from: userId,
      recipients,
      traceparent,
      trace: request.trace,
      idempotency,
      language: request.language,
    };
    if (!Object.hasOwn(body, 'commands')) {
      const one = await sendOne(send, body, limits, sending);
      note(request.facts, [one.sent]);
      const step = one.command.wait;
      if (step === undefined) return one.sent;
      const wait = () => waitForStep(runtime, waits, one, step, request.facts);
      return request.trace?.step(SpanName.wait, wait) ?? wait();
    }
    const results = await sendBatch(send, body, limits, sending);
    note(
      request.facts,
      results.filter((result) => result.code === 1),
    );
    request.facts.refused = results.filter((result) => result.code === 0).length;
    return { results };
  };
  return serve(log, { 'POST /send-command': sendCommand, 'POST /web/send-command': sendCommand });
}

/** The audit record: the sender (`user`, above), the commands (ids, never contents), the number of recipients. */
function note(facts: Record<string, string | number | boolean>, sent: readonly Sent[]): void {
  facts.messages = sent.map(({ id }) => id).join(',');
  for (const kind of ['online', 'stored', 'unknown'] as const) {
    facts[kind] = sent.reduce((sum, { recipients }) => sum + ('members' in recipients ? 0 : recipients[kind]), 0);
  }
}

export const handler = lambdaEntry(createHandler);

import { targetOf } from '../../contract/store/route-command.ts';
import { type RouteRefusal, routeWork } from '../../contract/store/scripts/route.ts';
import { inSteps } from '../../contract/store/work.ts';
import { bodyOf, isGroup, parseSendCommand, type SendCommand } from '../../contract/wire/commands.ts';
import { largestFrameBytes } from '../../contract/wire/message.ts';
import { causeOf, refusalOf } from '../http/failure.ts';
import { invalid } from '../http/invalid.ts';
import { MESSAGES, type Reason } from '../http/messages.ts';
import { HttpRefusal, tooLarge } from '../http/refusal.ts';
import type { ApiRequest } from '../http/serve.ts';
import type { Language, Text } from '../http/text.ts';
import { batchRequest } from './schema.ts';
import type { Routed, Send, Sending, Sent, Step } from './send.ts';

type Result = ({ code: 1; message: string } & Sent) | { code: 0; error: Reason; message: string };

/** Why one command of a batch was refused. Not an error: its stack would take a third of the time of a batch. */
type Why = Pick<HttpRefusal, 'reason' | 'text'>;

const NOT_SENT: Why = { reason: 'store_unavailable', text: MESSAGES.store_unavailable };

const REFUSAL_STATUS = {
  unknown_user: 404,
  away: 409,
  cannot_reply: 409,
  cannot_acknowledge: 409,
  not_before_past: 400,
  not_before_far: 400,
  too_many_keys: 429,
  unknown_group: 404,
  too_many_group_sends: 429,
} as const satisfies Record<RouteRefusal, number>;
/** Retry times: a key is free again when its commands were delivered, a sender when its sends to groups are done. */
const RETRY_SECONDS: Partial<Record<RouteRefusal, number>> = { too_many_keys: 60, too_many_group_sends: 2 };

export interface One {
  readonly command: SendCommand;
  readonly sent: Sent;
  /** By an earlier call with the same Idempotency-Key. */
  readonly isRepeated: boolean;
}

/** Refuses with 400 an invalid command, with 404 and 409 one whose conditions do not hold. */
export async function sendOne(send: Send, body: unknown, limits: SendLimits, sending: Sending): Promise<One> {
  const parsed = parseSendCommand(body);
  if (!parsed.success) throw invalid(parsed.error);
  const problem = problemOf(parsed.data, limits, sending);
  if (problem) throw problem;
  const [routed] = await send([parsed.data], sending, { at: 0, of: 1 });
  if (routed === undefined) throw new Error('the script returned no result');
  if ('refusal' in routed) {
    const { refusal } = routed;
    throw conditionRefusal(refusal);
  }
  return { command: parsed.data, ...routed };
}

interface Batch extends Sending {
  readonly language: Language;
  /** Gets the cause when a later step fails. */
  readonly logFields: ApiRequest['logFields'];
}

/**
 * Commands are independent: an invalid one gets its refusal in its place, the others are sent. `accepted`: how many no earlier
 * call has sent.
 */
export async function sendBatch(
  send: Send,
  body: unknown,
  limits: SendLimits,
  sending: Batch,
): Promise<{ results: Result[]; accepted: number }> {
  const batch = batchRequest.safeParse(body);
  if (!batch.success) throw invalid(batch.error);
  const { language } = sending;
  const results: Result[] = [];
  const good: { at: number; command: SendCommand }[] = [];
  for (const [at, command] of batch.data.commands.entries()) {
    const parsed = parseSendCommand(command);
    const problem = parsed.success ? batchProblemOf(parsed.data, limits, sending) : invalid(parsed.error);
    results.push(refused(problem ?? NOT_SENT, language));
    if (parsed.success && problem === undefined) good.push({ at, command: parsed.data });
  }
  const work = ({ command }: { command: SendCommand }) => workOfCommand(command, sending.from);
  const steps = inSteps(good, work);
  let accepted = 0;
  let end: HttpRefusal | undefined;
  for (const [at, step] of steps.entries()) {
    const commands = step.map(({ command }) => command);
    const sent: Routed[] | HttpRefusal = end ?? (await sendStep(send, commands, sending, { at, of: steps.length }));
    if (endsBatch(sent)) end = sent;
    if (Array.isArray(sent)) accepted += sent.filter(isNew).length;
    for (const [index, { at: place }] of step.entries()) {
      results[place] = resultOf(sent instanceof HttpRefusal ? sent : sent[index], language);
    }
  }
  return { results, accepted };
}

function isNew(routed: Routed): boolean {
  return 'sent' in routed && !routed.isRepeated;
}

function conditionRefusal(refusal: RouteRefusal): HttpRefusal {
  const retryAfterSeconds = RETRY_SECONDS[refusal];
  return new HttpRefusal(
    REFUSAL_STATUS[refusal],
    refusal,
    retryAfterSeconds === undefined ? {} : { retryAfterSeconds },
  );
}

function refused({ reason, text }: Why, language: Language): Result {
  return { code: 0, error: reason, message: text[language] };
}

function resultOf(routed: Routed | HttpRefusal | undefined, language: Language): Result {
  if (routed === undefined) return refused(NOT_SENT, language);
  if (routed instanceof HttpRefusal) return refused(routed, language);
  if ('refusal' in routed) return refused({ reason: routed.refusal, text: MESSAGES[routed.refusal] }, language);
  return { code: 1, message: MESSAGES.done[language], ...routed.sent };
}

/**
 * When nothing has been sent yet the whole request is refused. A later step that fails, for whatever reason, only affects its own
 * commands: the caller must learn what the earlier steps have sent.
 */
async function sendStep(
  send: Send,
  commands: SendCommand[],
  sending: Batch,
  step: Step,
): Promise<Routed[] | HttpRefusal> {
  try {
    return await send(commands, sending, step);
  } catch (error) {
    if (step.at === 0) throw error;
    Object.assign(sending.logFields, causeOf(error));
    return refusalOf(error);
  }
}

/**
 * Returns whether the later steps are refused like this one, untried. While the store is away, each of them would wait as long, and
 * the caller would not get the results in time. After a record of other commands, the next records are of others, too.
 */
function endsBatch(sent: Routed[] | HttpRefusal): sent is HttpRefusal {
  return sent instanceof HttpRefusal && (sent.status === 503 || sent.status === 409);
}

/** A step blocks Redis: it must take a few ms, not a few hundred. */
function workOfCommand(command: SendCommand, from: string): number {
  return routeWork({ ...targetOf(command.chat_to), body: bodyOf(command, from) });
}

interface SendLimits {
  readonly maxRecipients: number;
  readonly maxFrameBytes: number;
}

function batchProblemOf(command: SendCommand, limits: SendLimits, sending: Sending): HttpRefusal | undefined {
  return command.wait === undefined ? problemOf(command, limits, sending) : new HttpRefusal(400, 'wait_in_batch');
}

function problemOf(command: SendCommand, limits: SendLimits, { recipients, from }: Sending): HttpRefusal | undefined {
  const excess = tooMany(command, limits.maxRecipients);
  if (excess) return new HttpRefusal(400, 'invalid', { text: excess });
  if (isOutOfScope(command, recipients)) return new HttpRefusal(403, 'not_in_scope');
  const bytes = largestFrameBytes(bodyOf(command, from), { asks: command.wait === 'reply' });
  return bytes > limits.maxFrameBytes ? tooLarge('frame', bytes, limits.maxFrameBytes) : undefined;
}

/** A broadcast reaches more than a fixed list, and the members of a group may change. */
function isOutOfScope({ chat_to }: SendCommand, only: ReadonlySet<string> | undefined): boolean {
  if (only === undefined) return false;
  if (chat_to === undefined || isGroup(chat_to)) return true;
  return ![chat_to].flat().every((userId) => only.has(userId));
}

function tooMany({ chat_to }: SendCommand, maxRecipients: number): Text | undefined {
  if (!Array.isArray(chat_to) || chat_to.length <= maxRecipients) return undefined;
  return { en: `chat_to: must have at most ${maxRecipients} members`, zh: `chat_to：至多 ${maxRecipients} 个成员` };
}

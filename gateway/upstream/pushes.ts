import type { Keys } from '../../contract/store/keys.ts';
import { routeCommandOf } from '../../contract/store/route-command.ts';
import { type RouteCommand, routeCommands, routeWork } from '../../contract/store/scripts/route.ts';
import { inSteps } from '../../contract/store/work.ts';
import { parseSendCommand } from '../../contract/wire/commands.ts';
import { largestFrameBytes } from '../../contract/wire/message.ts';
import type { RedisPort } from '../../shared/redis/port.ts';

/** How long Redis remembers the last step, so that one whose reply was lost is not routed twice, s. */
const MEMORY_SECONDS = 3_600;

interface PushesParts {
  redis: RedisPort;
  keys: Keys;
  lease: { readonly gatewayId: string; readonly highestId: number };
  config: {
    readonly offlineTtlSeconds: number;
    readonly mailboxMax: number;
    readonly mailboxMaxBytes: number;
    readonly maxRecipients: number;
    readonly maxFrameBytes: number;
  };
  /** Whom the messages are from. */
  from: string;
  counters: { commandsSent: number };
}

/** Sends the commands in the function's replies to users, like any others, one reply after the other. */
export class Pushes {
  readonly #parts: PushesParts;
  #last: Promise<unknown> = Promise.resolve();
  #steps = 0;

  constructor(parts: PushesParts) {
    this.#parts = parts;
  }

  /** Checks all of them before the first is sent. Throws with a sentence for the function's author. */
  parse(commands: readonly unknown[], traceparent: string): RouteCommand[] {
    const { from, config } = this.#parts;
    return commands.map((input, i) => {
      const parsed = parseSendCommand(input);
      if (!parsed.success) {
        const [issue] = parsed.error.issues;
        throw new Error(`send[${i}]${issue?.path.map((name) => `.${String(name)}`).join('') ?? ''}: ${issue?.message}`);
      }
      if (parsed.data.wait !== undefined) throw new Error(`send[${i}].wait: nobody waits here`);
      const command = routeCommandOf(parsed.data, { from, traceparent });
      if (Array.isArray(command.to) && command.to.length > config.maxRecipients) {
        throw new Error(`send[${i}].chat_to: has more than ${config.maxRecipients} members`);
      }
      const bytes = largestFrameBytes(command.body);
      if (bytes > config.maxFrameBytes) {
        throw new Error(`send[${i}]: its frame has ${bytes} bytes; the limit is ${config.maxFrameBytes}`);
      }
      return command;
    });
  }

  /** Resolves when they are routed. Rejects when some were refused, with a sentence like those of `parse`: the others are routed. */
  send(commands: readonly RouteCommand[]): Promise<void> {
    const sent = this.#last.then(() => this.#route(commands));
    this.#last = sent.catch(() => undefined);
    return sent;
  }

  /** Resolves when everything so far is routed. */
  async idle(): Promise<void> {
    await this.#last;
  }

  async #route(commands: readonly RouteCommand[]): Promise<void> {
    const { redis, keys, lease, config, counters } = this.#parts;
    const { offlineTtlSeconds, mailboxMax, mailboxMaxBytes } = config;
    const key = keys.batch(`upstream:${lease.gatewayId}`).slice(keys.prefix.length);
    const refused: string[] = [];
    let at = 0;
    for (const step of inSteps(commands, routeWork)) {
      this.#steps += 1;
      const idempotency = { key, digest: String(this.#steps), ttlSeconds: MEMORY_SECONDS };
      const { answers } = await routeCommands(redis, keys, step, {
        offlineTtlSeconds,
        mailboxMax,
        mailboxMaxBytes,
        idempotency,
        highestId: lease.highestId,
      });
      for (const [i, { refusal }] of answers.entries()) {
        if (refusal === undefined) counters.commandsSent += 1;
        else refused.push(`send[${at + i}]: ${refusal}`);
      }
      at += step.length;
    }
    if (refused.length > 0) throw new Error(refused.join(', '));
  }
}

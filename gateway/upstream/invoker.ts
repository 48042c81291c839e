import type { InvokeCommand, InvokeCommandOutput, LambdaClient } from '@aws-sdk/client-lambda';
import type { Refusal } from '../../contract/wire/refusals.ts';

/** The error of a failed invocation, for the device that asked. */
export type InvocationFailure = Extract<
  Refusal,
  'upstream_failed' | 'upstream_timeout' | 'upstream_throttled' | 'upstream_too_large'
>;

export class InvocationError extends Error {
  override name = 'InvocationError';
  readonly failure: InvocationFailure;

  constructor(failure: InvocationFailure, message: string, cause?: unknown) {
    super(message, { cause });
    this.failure = failure;
  }
}

/** The caller took it back before it was sent. */
class WithdrawnError extends Error {
  override name = 'WithdrawnError';
}

interface InvokerOptions {
  region: string | undefined;
  maxAttempts: number;
  /** The maximum number of connections to Lambda: one per invocation in flight. */
  maxSockets: number;
}

const CONNECT_TIMEOUT_MS = 3_000;

/** The one user of the Lambda SDK. Retries, waits and addresses are the SDK's business, as is its environment. */
export class Invoker {
  readonly #client: LambdaClient;
  readonly #sdk: typeof import('@aws-sdk/client-lambda');

  private constructor(client: LambdaClient, sdk: typeof import('@aws-sdk/client-lambda')) {
    this.#client = client;
    this.#sdk = sdk;
  }

  /** The SDK is loaded here: a gateway without a function does without it. */
  static async create({ region, maxAttempts, maxSockets }: InvokerOptions): Promise<Invoker> {
    const sdk = await import('@aws-sdk/client-lambda');
    const agent = { keepAlive: true, maxSockets };
    const client = new sdk.LambdaClient({
      ...(region === undefined ? {} : { region }),
      maxAttempts,
      retryMode: 'standard',
      requestHandler: { connectionTimeout: CONNECT_TIMEOUT_MS, httpAgent: agent, httpsAgent: agent },
    });
    return new Invoker(client, sdk);
  }

  /**
   * Asynchronously: resolves with true when Lambda has taken it over, with false when it was not sent because `mayGo`,
   * which is asked right before each try, the SDK's own retries too, said no. Throws InvocationError.
   */
  async hand(functionName: string, payload: string, signal: AbortSignal, mayGo: () => boolean): Promise<boolean> {
    const command = this.#command(functionName, 'Event', payload);
    command.middlewareStack.add(
      (next) => (args) => {
        if (!mayGo()) throw new WithdrawnError();
        return next(args);
      },
      // The innermost place before the request is written: after the retries, and after the signature.
      { step: 'finalizeRequest', priority: 'low', name: 'askWhetherItMayGo' },
    );
    try {
      await this.#send(command, signal);
      return true;
    } catch (error) {
      if (error instanceof InvocationError && error.cause instanceof WithdrawnError) return false;
      throw error;
    }
  }

  /** Synchronously: resolves with what the function answered. Throws InvocationError. */
  async ask(functionName: string, payload: string, signal: AbortSignal): Promise<string> {
    const output = await this.#send(this.#command(functionName, 'RequestResponse', payload), signal);
    const answer = output.Payload?.transformToString() ?? '';
    if (output.FunctionError === undefined) return answer;
    throw new InvocationError('upstream_failed', `the function failed: ${errorMessageIn(answer)}`);
  }

  stop(): void {
    this.#client.destroy();
  }

  #command(functionName: string, invocationType: 'Event' | 'RequestResponse', payload: string): InvokeCommand {
    return new this.#sdk.InvokeCommand({
      FunctionName: functionName,
      InvocationType: invocationType,
      Payload: Buffer.from(payload),
    });
  }

  async #send(command: InvokeCommand, signal: AbortSignal): Promise<InvokeCommandOutput> {
    try {
      return await this.#client.send(command, { abortSignal: signal });
    } catch (error) {
      throw new InvocationError(signal.aborted ? 'upstream_timeout' : failureOf(error), messageOf(error), error);
    }
  }
}

function failureOf(error: unknown): InvocationFailure {
  const name = error instanceof Error ? error.name : '';
  if (name === 'TooManyRequestsException') return 'upstream_throttled';
  if (name === 'RequestTooLargeException') return 'upstream_too_large';
  return 'upstream_failed';
}

function messageOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

const MAX_MESSAGE_LENGTH = 300;

/** Of `{"errorMessage", "errorType", …}`; a function may repeat bodies in it, so it is not logged in full. */
function errorMessageIn(answer: string): string {
  const message = /"errorMessage"\s*:\s*("(?:[^"\\]|\\.)*")/.exec(answer)?.[1] ?? '"no message"';
  return message.slice(1, -1).slice(0, MAX_MESSAGE_LENGTH);
}

import { z } from 'zod';
import { parseJson } from '../../shared/raw-json.ts';
import { BusyFailure, ExitCode, Failure } from './failure.ts';

const REQUEST_TIMEOUT_MS = 15_000;

const envelope = z.looseObject({ code: z.number(), message: z.string(), error: z.string().optional() });

interface ApiCall {
  body?: unknown;
  headers?: Readonly<Record<string, string>>;
  /** Time-out of the response, ms. */
  timeoutMs?: number;
  /** The next step when the requested object does not exist. */
  ifMissing?: string;
}

/** The HTTP API with the token of one user. Every response that is not a success throws a Failure with its next step. */
export class Api {
  readonly url: string;
  readonly #token: string | undefined;

  constructor(url: string, token: string | undefined) {
    this.url = url;
    this.#token = token;
  }

  async call<T>(method: string, path: string, schema: z.ZodType<T>, call: ApiCall = {}): Promise<T> {
    const response = await this.#fetch(method, path, call);
    const answer = envelope.safeParse(await jsonOf(response));
    if (!answer.success) {
      const what = `${method} ${this.url}${path} answered ${response.status} without an answer of this API`;
      throw new Failure(ExitCode.failed, what, 'Is --api the address of a fronttcp API?');
    }
    if (!response.ok || answer.data.code !== 1) throw refusal(response, answer.data, call.ifMissing);
    const parsed = schema.safeParse(answer.data);
    if (parsed.success) return parsed.data;
    const message = `${method} ${path}: the API is of another version: ${z.prettifyError(parsed.error)}`;
    throw new Failure(ExitCode.failed, message, 'Use the fronttcp command of the version that was deployed.');
  }

  async #fetch(
    method: string,
    path: string,
    { body, headers, timeoutMs = REQUEST_TIMEOUT_MS }: ApiCall,
  ): Promise<Response> {
    try {
      return await fetch(`${this.url}${path}`, {
        method,
        redirect: 'error',
        signal: AbortSignal.timeout(timeoutMs),
        headers: {
          accept: 'application/json',
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    } catch (error) {
      const { cause, message } = error as Error & { cause?: NodeJS.ErrnoException };
      const why = cause?.code ?? (cause?.message || message);
      const nextStep = 'Is it running (fronttcp dev)? Name another with --api or FRONTTCP_API.';
      throw new Failure(ExitCode.unreachable, `the API at ${this.url} is out of reach: ${why}`, nextStep, { cause });
    }
  }
}

async function jsonOf(response: Response): Promise<unknown> {
  try {
    return parseJson(await response.text());
  } catch {
    return undefined;
  }
}

function refusal(response: Response, { message, error: word }: z.infer<typeof envelope>, ifMissing?: string): Failure {
  const { status } = response;
  const retryAfter = Number(response.headers.get('retry-after') ?? undefined);
  const seconds = retryAfter > 0 ? retryAfter : undefined;
  const answer = { status, word };
  if (status === 401) return new Failure(ExitCode.notAllowed, message, 'Log in: fronttcp login <user id>', answer);
  if (status === 403) return new Failure(ExitCode.notAllowed, message, 'Log in as an operator.', answer);
  if (word === 'idempotency_conflict') {
    return new Failure(ExitCode.failed, message, 'Use a new idempotency key for a new command.', answer);
  }
  if (status === 429) return new BusyFailure(ExitCode.failed, message, seconds, word);
  if (status === 503) return new BusyFailure(ExitCode.unreachable, message, seconds, word);
  return new Failure(ExitCode.failed, message, status === 404 ? ifMissing : undefined, answer);
}

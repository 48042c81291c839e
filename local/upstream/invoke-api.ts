import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { readBody } from '../http/body.ts';
import { AsyncInvocations } from './async-invocations.ts';
import { type FaultScript, type InvocationType, refuse } from './faults.ts';
import type { Invocation, Outcome, Run } from './invocation.ts';

/** Lambda's limits of a payload. */
const MAX_SYNC_BYTES = 6 * 1024 * 1024;
const MAX_ASYNC_BYTES = 1024 * 1024;
const PATH = /^\/2015-03-31\/functions\/([^/?]+)\/invocations(?:\?|$)/;
const CLOSE_TIMEOUT_MS = 5_000;

interface InvokeApiOptions {
  /** 0 or omitted: a free one. */
  port?: number;
  host?: string;
  /** By name, without alias and version. */
  functions: Readonly<Record<string, Run>>;
  /** Pauses between the attempts of a failed asynchronous invocation, ms. */
  retryDelaysMs?: readonly number[];
  say: (line: string) => void;
  /** The scripted faults. */
  faults?: FaultScript;
}

export interface InvokeApi {
  /** For AWS_ENDPOINT_URL_LAMBDA. */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Lambda's Invoke API on this machine: POST /2015-03-31/functions/<name>/invocations, asynchronous (202 at once, tried
 * again when the function fails) and synchronous, with Lambda's bounds and errors, for the SDK that is used against
 * the real one. Signatures are not checked.
 */
export async function startInvokeApi(options: InvokeApiOptions): Promise<InvokeApi> {
  const { host = '127.0.0.1', port = 0, functions, say, faults } = options;
  const asynchronous = new AsyncInvocations(options.retryDelaysMs ?? [1_000, 2_000], say);

  const server = createServer((request, response) => {
    answer(request, response).catch((error: Error) => {
      if (request.destroyed) return;
      say(`upstream: ${error.message}`);
      if (response.headersSent) response.destroy();
      else refuse(response, 500, 'ServiceException', error.message);
    });
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const name = nameOf(PATH.exec(request.url ?? '')?.[1]);
    if (request.method !== 'POST' || name === undefined) {
      return refuse(response, 404, 'UnknownOperationException', 'only Invoke is here');
    }
    const type = request.headers['x-amz-invocation-type'] ?? 'RequestResponse';
    if (type !== 'Event' && type !== 'RequestResponse') {
      return refuse(response, 400, 'InvalidParameterValueException', `invocation type ${String(type)}`);
    }
    const max = type === 'Event' ? MAX_ASYNC_BYTES : MAX_SYNC_BYTES;
    const body = await readBody(request, request.headers, max);
    if (body === undefined) {
      const message = `Request must be smaller than ${max} bytes for the InvokeFunction operation`;
      return refuse(response, 413, 'RequestTooLargeException', message);
    }
    const payload = body.toString() || '{}';
    if (!isJson(payload)) {
      return refuse(response, 400, 'InvalidRequestContentException', 'Could not parse request body into json');
    }
    await invoke({ functionName: name, requestId: randomUUID(), payload }, type, response);
  }

  async function invoke(invocation: Invocation, type: InvocationType, response: ServerResponse): Promise<void> {
    const fault = faults?.(invocation, type);
    if (fault?.kind === 'refuse') return refuse(response, fault.status, fault.errorType, fault.message ?? '');
    if (fault?.kind === 'hang') return;
    if (fault?.kind === 'close' && !fault.after) {
      response.destroy();
      return;
    }
    const run = functions[invocation.functionName];
    if (run === undefined) {
      const message = `Function not found: ${invocation.functionName}`;
      return refuse(response, 404, 'ResourceNotFoundException', message);
    }
    let outcome: Outcome | undefined;
    if (type === 'Event') asynchronous.begin(run, invocation);
    else outcome = await run(invocation);
    if (fault?.kind === 'late') await fault.until;
    if (fault?.kind === 'close') response.destroy();
    else send(response, invocation, outcome);
  }

  server.listen(port, host);
  await once(server, 'listening');
  const address = server.address();
  const listening = typeof address === 'object' && address !== null ? address.port : port;
  return {
    url: `http://${host}:${listening}`,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeIdleConnections();
      const timer = setTimeout(() => server.closeAllConnections(), CLOSE_TIMEOUT_MS);
      await asynchronous.stop();
      server.closeAllConnections();
      await closed;
      clearTimeout(timer);
    },
  };
}

/** Undefined outcome: accepted as asynchronous. */
function send(response: ServerResponse, { requestId }: Invocation, outcome: Outcome | undefined): void {
  const body = outcome?.payload ?? '';
  response
    .writeHead(outcome ? 200 : 202, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      'x-amzn-requestid': requestId,
      ...(outcome ? { 'x-amz-executed-version': '$LATEST' } : {}),
      ...(outcome?.kind === 'error' ? { 'x-amz-function-error': 'Unhandled' } : {}),
    })
    .end(body);
}

/** `name`, `name:alias`, `arn:…:function:name:alias`: the name. */
function nameOf(segment: string | undefined): string | undefined {
  if (segment === undefined) return undefined;
  const text = decodeURIComponent(segment);
  return text.replace(/^arn:[^:]*:lambda:[^:]*:\d*:function:/, '').split(':')[0];
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

import type { ServerResponse } from 'node:http';
import type { Invocation } from './invocation.ts';

export type InvocationType = 'Event' | 'RequestResponse';

/** Scripted failures of the Invoke API: the ways in which the real one fails. */
export type Fault =
  /** Refuses with this status and exception. */
  | { kind: 'refuse'; status: number; errorType: string; message?: string }
  /** Never responds. */
  | { kind: 'hang' }
  /** Ends the connection without a response; `after`: once the work is done. */
  | { kind: 'close'; after?: boolean }
  /** The response is sent when this promise resolves. */
  | { kind: 'late'; until: Promise<unknown> };

/** Called for each invocation; undefined: no fault. */
export type FaultScript = (invocation: Invocation, type: InvocationType) => Fault | undefined;

export const THROTTLED: Fault = {
  kind: 'refuse',
  status: 429,
  errorType: 'TooManyRequestsException',
  message: 'Rate Exceeded.',
};
export const SERVICE_FAILED: Fault = {
  kind: 'refuse',
  status: 500,
  errorType: 'ServiceException',
  message: 'An error occurred and the request cannot be processed.',
};

/** Responds as Lambda does to a refused call: JSON, and the exception's name in a header. */
export function refuse(response: ServerResponse, status: number, errorType: string, message: string): void {
  const body = JSON.stringify({ Type: status >= 500 ? 'Service' : 'User', Message: message, message });
  response
    .writeHead(status, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      'x-amzn-errortype': errorType,
    })
    .end(body);
}

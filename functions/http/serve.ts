import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import type { RouteKey } from '../routes.ts';
import type { Log } from '../runtime/log.ts';
import { isApiEvent } from './api-event.ts';
import { type Cause, causeOf, refusalOf } from './failure.ts';
import { JSON_HEADERS } from './headers.ts';
import { MESSAGES, type Reason } from './messages.ts';
import { HttpRefusal } from './refusal.ts';
import { RequestMetrics } from './request-metrics.ts';
import { type RequestTrace, requestTraces } from './request-traces.ts';
import { type Language, languageOf } from './text.ts';
import { clientAddressOf } from './viewer-address.ts';

export type Handler = (event: APIGatewayProxyEventV2) => Promise<APIGatewayProxyStructuredResultV2>;

/** The request as a rule sees it, and the members that the rule adds to the log line: ids and codes, nothing else. */
export interface ApiRequest {
  readonly event: APIGatewayProxyEventV2;
  readonly language: Language;
  readonly sourceIp: string;
  /** Members of the log line of this request. */
  readonly logFields: Record<string, string | number | boolean>;
  /** For the metrics: `commands` is the number of messages that this request, and no earlier one, handed to the store. */
  readonly counted: { commands: number };
  /** Undefined: tracing is off. */
  readonly trace: RequestTrace | undefined;
}

/** The result of a rule: members beside `code` and `message`, the same with a status, or a complete response in another format. */
export type Answer = object | WithStatus | Document;

/** A success with another status than 200 and a sentence of its own. */
export class WithStatus {
  readonly status: number;
  readonly reason: Reason;
  readonly members: object;

  constructor(status: number, reason: Reason, members: object) {
    this.status = status;
    this.reason = reason;
    this.members = members;
  }
}

export interface Document {
  /** Text, or bytes as they go out. */
  readonly document: string | Buffer;
  /** Default 200. */
  readonly status?: number;
  readonly headers: Readonly<Record<string, string>>;
}

export type Rule = (request: ApiRequest) => Promise<Answer> | Answer;
type Rules = Partial<Record<RouteKey | '$default', Rule>>;

/** One Lambda handler for the routes of a function: finds the rule, always responds, writes one log line. */
export function serve(log: Log, rules: Rules): Handler {
  const metrics = RequestMetrics.from(process.env);
  const startTrace = requestTraces(process.env);
  return async (event) => {
    if (!isApiEvent(event)) {
      log.warn({ event: 'request', status: 400, reason: 'unknown_event' });
      return refused(new HttpRefusal(400, 'unknown_event'), 'en').result;
    }
    const startedAt = performance.now();
    const request: ApiRequest = {
      event,
      language: languageOf(event.headers['accept-language']),
      sourceIp: clientAddressOf(event),
      logFields: {},
      counted: { commands: 0 },
      trace: startTrace && (await startTrace(event.headers.traceparent, event.routeKey)),
    };
    const { result, reason, cause } = await answer(rules, request);
    const status = result.statusCode ?? 200;
    const line = {
      event: 'request',
      request_id: event.requestContext.requestId,
      source_ip: request.sourceIp,
      method: event.requestContext.http.method,
      route: event.routeKey,
      status,
      reason,
      duration_ms: Math.round((performance.now() - startedAt) * 10) / 10,
      ...request.logFields,
      ...cause,
    };
    if (status >= 500 && reason === 'internal') log.error(line);
    else if (status >= 500) log.warn(line);
    else log.info(line);
    metrics?.count({ status, ...request.counted });
    await request.trace?.end({ status, reason, ...request.logFields });
    return { ...result, headers: { ...result.headers, 'x-request-id': event.requestContext.requestId } };
  };
}

interface Outcome {
  result: APIGatewayProxyStructuredResultV2;
  reason: Reason;
  /** Members of the log line. */
  cause?: Cause | undefined;
}

async function answer(rules: Rules, request: ApiRequest): Promise<Outcome> {
  try {
    const rule = rules[request.event.routeKey as RouteKey];
    if (rule === undefined) throw new HttpRefusal(404, 'no_such_route');
    const found = await rule(request);
    if (isDocument(found)) return { result: documentResult(found), reason: 'done' };
    const { status, reason, members } = found instanceof WithStatus ? found : new WithStatus(200, 'done', found);
    const body = { code: 1, message: MESSAGES[reason][request.language], ...members };
    return { result: json(status, body), reason };
  } catch (error) {
    return refused(error, request.language);
  }
}

function refused(error: unknown, language: Language): Outcome {
  const { status, reason, text, headers, members } = refusalOf(error);
  const result = json(status, { code: 0, error: reason, message: text[language], ...members }, headers);
  return { result, reason, cause: causeOf(error) };
}

function documentResult({ document, status = 200, headers }: Document): APIGatewayProxyStructuredResultV2 {
  const isText = typeof document === 'string';
  return {
    statusCode: status,
    headers: { ...headers },
    body: isText ? document : document.toString('base64'),
    isBase64Encoded: !isText,
  };
}

function json(statusCode: number, body: object, headers: Readonly<Record<string, string>> = {}) {
  return { statusCode, headers: { ...JSON_HEADERS, ...headers }, body: JSON.stringify(body) };
}

function isDocument(answer: Answer): answer is Document {
  return 'document' in answer;
}

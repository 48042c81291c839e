import { isUtf8 } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import type { Match } from './router.ts';

/** Types that API Gateway passes on as text; it encodes every other body. No Content-Type counts as text. */
const TEXT_TYPE = /^(?:text\/|application\/(?:json|javascript|xml)\b|$)/i;

/** The event of payload format 2.0 for a request with its body. */
export function eventOf(
  request: IncomingMessage,
  { cookies, headers }: Headers,
  target: Target,
  match: Match,
  body: Buffer,
): APIGatewayProxyEventV2 {
  const method = request.method === 'HEAD' ? 'GET' : (request.method ?? 'GET');
  const isText = TEXT_TYPE.test(headers['content-type'] ?? '') && isUtf8(body);
  const now = new Date();
  const query = queryOf(target.query);
  return {
    version: '2.0',
    routeKey: match.routeKey,
    rawPath: target.path,
    rawQueryString: target.query,
    ...(cookies === undefined ? {} : { cookies }),
    headers,
    ...(query === undefined ? {} : { queryStringParameters: query }),
    requestContext: {
      accountId: 'local',
      apiId: 'local',
      domainName: headers.host ?? 'localhost',
      domainPrefix: 'local',
      http: {
        method,
        path: target.path,
        protocol: `HTTP/${request.httpVersion}`,
        sourceIp: addressOf(request),
        userAgent: headers['user-agent'] ?? '',
      },
      requestId: randomUUID(),
      routeKey: match.routeKey,
      stage: '$default',
      time: now.toISOString(),
      timeEpoch: now.getTime(),
    },
    ...(match.pathParameters === undefined ? {} : { pathParameters: { ...match.pathParameters } }),
    ...(body.length === 0 ? {} : { body: body.toString(isText ? 'utf8' : 'base64') }),
    isBase64Encoded: body.length > 0 && !isText,
  };
}

interface Target {
  readonly path: string;
  readonly query: string;
}

/** The path and the query as they were sent. An absolute form (`GET http://host/path`) is taken for its path. */
export function targetOf(url: string): Target {
  const local = url.replace(/^https?:\/\/[^/?]*/i, '');
  const at = local.indexOf('?');
  const path = at < 0 ? local : local.slice(0, at);
  return { path: path === '' ? '/' : path, query: at < 0 ? '' : local.slice(at + 1) };
}

interface Headers {
  readonly headers: Record<string, string>;
  readonly cookies: string[] | undefined;
}

/** Names in lower case, repeated headers joined by commas, cookies separate. `raw`: names and values as they came, in turn. */
export function headersOf(raw: readonly string[]): Headers {
  // Without a prototype, so that a header named __proto__ is an ordinary one.
  const headers: Record<string, string> = Object.create(null);
  let cookies: string[] | undefined;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = (raw[i] ?? '').toLowerCase();
    const value = raw[i + 1] ?? '';
    const earlier = headers[name];
    if (name === 'cookie') cookies = [...(cookies ?? []), ...value.split(/;\s*/)];
    else headers[name] = earlier === undefined ? value : `${earlier},${value}`;
  }
  return { headers, cookies };
}

function queryOf(query: string): Record<string, string> | undefined {
  if (query === '') return undefined;
  const values = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(query)) {
    const earlier = values.get(name);
    values.set(name, earlier === undefined ? value : `${earlier},${value}`);
  }
  return Object.fromEntries(values);
}

/** Never from a header: the caller can set X-Forwarded-For to anything. */
function addressOf(request: IncomingMessage): string {
  return (request.socket.remoteAddress ?? '').replace(/^::ffff:(?=\d+\.)/, '');
}

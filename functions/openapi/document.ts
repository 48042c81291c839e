import { type RouteKey, routes } from '../routes.ts';
import type { Operation, Status } from './operations/operation.ts';
import { parameters } from './operations/parameters.ts';
import { operations } from './operations.ts';
import { jsonSchemas, reference } from './schemas.ts';

const REFUSALS: Readonly<Record<Status, string>> = {
  400: 'Malformed or incomplete: `message` says which member is wrong.',
  401: 'No token, or not a valid one; at login: the user or the password is wrong.',
  403: 'Not allowed: for operators, or not in the scopes of the service token.',
  404: 'Not found.',
  409: 'The Idempotency-Key was used with another body, or what was asked for can no longer happen.',
  413: 'The body is too large.',
  429: 'Too much: wait as long as Retry-After says.',
  503: 'Redis is out of reach, or there is too much to do: nothing was accepted. Try again after Retry-After.',
};

const MEMBERS_OF_WHO = { anyone: [], user: [401], operator: [401, 403] } as const;

/** The HTTP API as an OpenAPI 3.1 document, from the route table and the schemas that validate requests. */
export function openApiDocument(): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const { method, path } of routes) {
    paths[path] ??= {};
    paths[path][method.toLowerCase()] = operationOf(`${method} ${path}` as RouteKey);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'fronttcp',
      version: '1100',
      description:
        'Reach long-lived TCP clients over HTTP. JSON in, JSON out; every response has `code` (1 done, 0 refused) and `message`.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    paths,
    components: {
      schemas: jsonSchemas(),
      parameters,
      headers: {
        RequestId: { description: 'Of the log line of this request.', required: true, schema: { type: 'string' } },
        RetryAfter: { description: 'Seconds.', required: true, schema: { type: 'integer', minimum: 1 } },
        WwwAuthenticate: { description: '`Bearer`, where a token is missing.', schema: { type: 'string' } },
      },
      responses: Object.fromEntries(Object.entries(REFUSALS).map(([status, text]) => [status, refusal(status, text)])),
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
    },
  };
}

function operationOf(key: RouteKey): object {
  const operation = operations[key];
  const { summary, description, who, request, refusals, parameters: named = [] } = operation;
  const statuses = [...new Set<number>([...MEMBERS_OF_WHO[who], ...refusals])].sort();
  return {
    operationId: key
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, '_')
      .replace(/_$/, ''),
    summary,
    ...(description === undefined ? {} : { description }),
    security: who === 'anyone' ? [] : [{ token: [] }],
    ...(named.length === 0 ? {} : { parameters: named.map((name) => ({ $ref: `#/components/parameters/${name}` })) }),
    ...(request === undefined
      ? {}
      : { requestBody: { required: request !== 'LogoutRequest', content: json(reference(request)) } }),
    responses: {
      200: { description: 'Done.', headers: HEADERS, content: contentOf(operation) },
      ...(operation.mayBePending
        ? { 202: { description: 'Accepted; it may still happen.', headers: HEADERS, content: contentOf(operation) } }
        : {}),
      ...Object.fromEntries(statuses.map((status) => [status, { $ref: `#/components/responses/${status}` }])),
      500: refusal('500', 'Something went wrong on our side.'),
    },
  };
}

const HEADERS = { 'x-request-id': { $ref: '#/components/headers/RequestId' } };

function contentOf({ answer }: Operation): object {
  if (answer === 'html') return { 'text/html': { schema: { type: 'string' } } };
  if (answer === 'openapi') return json({ type: 'object', additionalProperties: true });
  return json(reference(answer ?? 'Done'));
}

function refusal(status: string, description: string): object {
  const headers = {
    ...HEADERS,
    ...(status === '429' || status === '503' ? { 'retry-after': { $ref: '#/components/headers/RetryAfter' } } : {}),
    ...(status === '401' ? { 'www-authenticate': { $ref: '#/components/headers/WwwAuthenticate' } } : {}),
  };
  return { description, headers, content: json(reference('Refusal')) };
}

function json(schema: object): object {
  return { 'application/json': { schema } };
}

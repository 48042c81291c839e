import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tokenAtRest } from '../../contract/store/tokens.ts';
import { generatedFile, serializeDocument } from '../../functions/openapi/build-document.ts';
import { openApiDocument } from '../../functions/openapi/document.ts';
import { operations } from '../../functions/openapi/operations.ts';
import { type RouteKey, routes } from '../../functions/routes.ts';
import { openApiProblems } from '../kit/json-schema.ts';
import { type Reply, startWorld, tokenOf, type World, withPassword } from './world.ts';

type Json = { [name: string]: Json } & { $ref?: string };
const document = openApiDocument() as unknown as Json;

/** Whether `value` is what a schema of the document describes: as much of JSON Schema as the document uses. */
function problems(schema: Json, value: unknown, at = '$'): string[] {
  if (schema.$ref !== undefined) return problems(resolve(schema.$ref), value, at);
  const {
    anyOf,
    type,
    properties = {},
    required,
    items,
    additionalProperties,
  } = schema as Record<string, unknown> & Json;
  if (Array.isArray(anyOf)) {
    const all = anyOf.map((one: Json) => problems(one, value, at));
    return all.some((one) => one.length === 0) ? [] : all.flat();
  }
  if (Object.hasOwn(schema, 'const') && Object.is(schema.const, value) === false) return [`${at} is ${String(value)}`];
  if (type === undefined) return [];
  const actual = value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value;
  const types: unknown[] = [type].flat();
  const fits = types.includes(actual) || (types.includes('integer') && Number.isSafeInteger(value));
  if (!fits) return [`${at} is ${actual}, not ${String(type)}`];
  if (Array.isArray(value)) return items ? value.flatMap((one, i) => problems(items, one, `${at}[${i}]`)) : [];
  if (actual !== 'object') return [];
  const members = value as Record<string, unknown>;
  const missing = (Array.isArray(required) ? required : []).filter((name: string) => !Object.hasOwn(members, name));
  return [
    ...missing.map((name: string) => `${at}.${name} is missing`),
    ...Object.entries(members).flatMap(([name, member]) => {
      const own = properties[name] ?? (typeof additionalProperties === 'object' ? additionalProperties : undefined);
      if (own === undefined && additionalProperties === (true as unknown)) return [];
      return own === undefined ? [`${at}.${name} is not described`] : problems(own, member, `${at}.${name}`);
    }),
  ];
}

function resolve(reference: string): Json {
  return reference
    .slice(2)
    .split('/')
    .reduce((found, name) => found[name.replaceAll('~1', '/')] as Json, document);
}

describe('the OpenAPI document', () => {
  let world: World;
  let receiptId: string;
  let letterIds: string[];
  let tokenId: string;
  beforeAll(async () => {
    world = await startWorld();
    await world.addUser('ann', { token: tokenAtRest(tokenOf('ann')), ...withPassword('secret') });
    await world.redis.zadd(`${world.prefix}gateways`, Date.now() + 60_000, 'g1');
    await world.redis.hset(`${world.prefix}gateway:g1`, { tcp: 'x' });
    await world.redis.hset(`${world.prefix}user:full`, { gateway: '' });
    await world.redis.zadd(`${world.prefix}mailbox:full`, 5, '["5",102,1,0,"",""]\n{}');
    const sent = await world.send({ command_id: 102, chat_to: ['ann', 'ghost'], content: 'x', receipt: true });
    receiptId = sent.body.id;
    const letters = [1, 2].map((at) => JSON.stringify({ entry: `x${at}`, reason: 'not JSON', at }));
    await world.redis.lpush(`${world.prefix}front_tcp:dead`, ...letters);
    letterIds = (await world.call('GET', '/dead-letters')).body.letters.map(({ id }: { id: string }) => id);
    tokenId = (await world.post('/service-tokens', { name: 'to be revoked', scopes: ['read'] })).body.id;
  });
  afterAll(() => world.stop());

  it('describes every route, and no other', () => {
    const described = Object.entries(document.paths ?? {}).flatMap(([path, item]) =>
      Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(described.sort()).toEqual(routes.map(({ method, path }) => `${method} ${path}`).sort());
  });

  it('has no reference that leads nowhere', () => {
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(
      ([, reference]) => reference ?? '',
    );
    expect(references.length).toBeGreaterThan(50);
    for (const reference of references) expect([reference, typeof resolve(reference)]).toEqual([reference, 'object']);
  });

  it('is one by the rules of OpenAPI 3.1', async () => {
    expect(await openApiProblems(document)).toEqual([]);
  });

  /** What the document says of this answer, and whether that is so. */
  function expectDescribed(method: string, path: string, { status, headers, body }: Reply): void {
    const described = document.paths?.[path]?.[method.toLowerCase()]?.responses?.[status] as Json | undefined;
    if (described === undefined) throw new Error(`${method} ${path} answers ${status}, which is not described`);
    const response = described.$ref === undefined ? described : resolve(described.$ref);
    for (const [name, header] of Object.entries<Json>((response.headers ?? {}) as Record<string, Json>)) {
      if (resolve(String(header.$ref)).required) expect(headers.get(name), name).not.toBeNull();
    }
    const [type = '', content] = Object.entries((response.content ?? {}) as Record<string, Json>)[0] ?? [];
    expect(headers.get('content-type')).toContain(type);
    if (type === 'application/json') expect(problems(content?.schema as Json, body)).toEqual([]);
  }

  /** By route: what is called, with what, and the status. `:receipt`, `:token` and `:letter` are ids that were made before. */
  const calls: [keyof typeof operations, string, string | undefined, number][] = [
    ['POST /login', '/login', '{"phone_number":"ann","password":"secret"}', 200],
    ['POST /login', '/login', '{"phone_number":"ann","password":"x"}', 401],
    ['POST /login', '/login', '{}', 400],
    ['POST /api/v1100/login', '/api/v1100/login', '{"phone_number":"ann","password":"secret"}', 200],
    ['POST /send-command', '/send-command', '{"command_id":102,"chat_to":"ann","content":"x"}', 200],
    ['POST /send-command', '/send-command', '{"commands":[{"command_id":104,"content":"x"},{}]}', 200],
    ['POST /send-command', '/send-command', '{}', 400],
    ['POST /web/send-command', '/web/send-command', '{"command_id":2000,"chat_to":["ann"],"content":{}}', 200],
    ['GET /', '/', undefined, 200],
    ['GET /web/send-command', '/web/send-command', undefined, 200],
    ['GET /commands', '/commands', undefined, 200],
    ['GET /commands/{id}', '/commands/:receipt', undefined, 200],
    ['GET /commands/{id}', '/commands/1', undefined, 404],
    ['DELETE /commands/{id}', '/commands/:receipt', undefined, 200],
    ['DELETE /commands/{id}', '/commands/1', undefined, 404],
    ['DELETE /commands', '/commands', undefined, 200],
    [
      'POST /send-command',
      '/send-command',
      '{"command_id":102,"chat_to":"ann","content":"x","wait":"written","timeout_s":1}',
      202,
    ],
    ['POST /send-command', '/send-command', '{"command_id":102,"chat_to":"ann","content":"x","if_away":"fail"}', 409],
    ['POST /send-command', '/send-command', '{"command_id":102,"chat_to":"ghost","content":"x","if_away":"fail"}', 404],
    ['GET /users', '/users?limit=1', undefined, 200],
    ['GET /users', '/users?limit=0', undefined, 400],
    ['POST /users', '/users', '{"phone_number":"added","password":"x"}', 200],
    ['POST /users', '/users', '{"phone_number":"added"}', 409],
    ['POST /users', '/users', '{}', 400],
    ['PUT /users/{phone_number}/password', '/users/added/password', '{"password":"y"}', 200],
    ['PUT /users/{phone_number}/password', '/users/ghost/password', '{"password":"y"}', 404],
    ['POST /users/{phone_number}/token', '/users/added/token', '{}', 200],
    ['POST /users/{phone_number}/token', '/users/ghost/token', '{}', 404],
    ['GET /users/{phone_number}/messages', '/users/full/messages?limit=1', undefined, 200],
    ['GET /users/{phone_number}/messages', '/users/ghost/messages', undefined, 404],
    ['DELETE /users/{phone_number}/messages', '/users/added/messages', undefined, 200],
    ['DELETE /users/{phone_number}/messages', '/users/ghost/messages', undefined, 404],
    ['DELETE /users/{phone_number}', '/users/added', undefined, 200],
    ['DELETE /users/{phone_number}', '/users/added', undefined, 404],
    ['GET /users/{phone_number}', '/users/ann', undefined, 200],
    ['GET /users/{phone_number}', '/users/ghost', undefined, 404],
    ['DELETE /users/{phone_number}/session', '/users/ann/session', undefined, 200],
    ['DELETE /users/{phone_number}/session', '/users/ghost/session', undefined, 404],
    ['DELETE /users/{phone_number}/token', '/users/ann/token', undefined, 200],
    ['DELETE /users/{phone_number}/messages/{id}', '/users/full/messages/5', undefined, 200],
    ['DELETE /users/{phone_number}/messages/{id}', '/users/full/messages/5', undefined, 404],
    ['GET /dead-letters', '/dead-letters?limit=1', undefined, 200],
    ['POST /dead-letters/{id}/retry', '/dead-letters/:letter0/retry', undefined, 200],
    ['DELETE /dead-letters/{id}', '/dead-letters/:letter1', undefined, 200],
    ['DELETE /dead-letters/{id}', '/dead-letters/:letter1', undefined, 404],
    ['PUT /groups/{name}/members', '/groups/g/members', '{"add":["ann"]}', 200],
    ['PUT /groups/{name}/members', '/groups/g/members', '{}', 400],
    ['POST /send-command', '/send-command', '{"command_id":103,"chat_to":{"group":"g"},"content":"x"}', 200],
    ['GET /groups', '/groups', undefined, 200],
    ['GET /groups/{name}/members', '/groups/g/members', undefined, 200],
    ['DELETE /groups/{name}', '/groups/g', undefined, 200],
    ['DELETE /groups/{name}', '/groups/g', undefined, 404],
    ['GET /stats', '/stats', undefined, 200],
    ['GET /stats/history', '/stats/history?hours=1', undefined, 200],
    ['GET /stats/history', '/stats/history?hours=0', undefined, 400],
    ['GET /tail', '/tail?user=ann', undefined, 200],
    ['GET /tail', '/tail?cursor=x', undefined, 400],
    ['GET /users/{phone_number}/timeline', '/users/ann/timeline', undefined, 200],
    ['POST /service-tokens', '/service-tokens', '{"name":"billing","scopes":["send"],"recipients":["ann"]}', 200],
    ['POST /service-tokens', '/service-tokens', '{"name":"billing","scopes":[]}', 400],
    ['GET /service-tokens', '/service-tokens', undefined, 200],
    ['DELETE /service-tokens/{id}', '/service-tokens/:token', undefined, 200],
    ['DELETE /service-tokens/{id}', '/service-tokens/ffffffffffffffffffffffff', undefined, 404],
    ['GET /audit', '/audit?limit=2', undefined, 200],
    ['GET /audit', '/audit?before=x', undefined, 400],
    ['GET /openapi.json', '/openapi.json', undefined, 200],
    ['POST /logout', '/logout', undefined, 200],
  ];
  it.each(calls)('is what is answered: %s as %s %s is %d', async (route, url, body, status) => {
    const [method = '', path = ''] = route.split(' ');
    const at = url
      .replace(':receipt', receiptId)
      .replace(':token', tokenId)
      .replace(/:letter(\d)/, (_, place) => letterIds[place] ?? '');
    const isKeyed = ['POST /web/send-command', 'DELETE /commands'].includes(route);
    const headers: Record<string, string> = isKeyed ? { 'idempotency-key': 'of this document' } : {};
    const answer = await world.call(method, at, body === undefined ? { headers } : { body, headers });
    expect(answer.status).toBe(status);
    expectDescribed(method, path, answer);
  });

  it('and every route was asked for a 200', () => {
    const asked = new Set(calls.filter(([, , , status]) => status === 200).map(([route]) => route));
    expect([...asked].sort()).toEqual(Object.keys(operations).sort());
  });

  const guarded = routes.filter(({ method, path }) => operations[`${method} ${path}` as RouteKey].who !== 'anyone');
  it.each(guarded)('$method $path is refused as described: without a token, and to who may not', async (route) => {
    const { method, path } = route;
    const url = path.replace('{id}', 'f'.repeat(24)).replace('{phone_number}', 'ann');
    const options = method === 'POST' ? { body: '{}' } : {};
    const answer = await world.call(method, url, { ...options, token: null });
    expect(answer.status).toBe(401);
    expectDescribed(method, path, answer);
    if (operations[`${method} ${path}` as RouteKey].who !== 'operator') return;
    await world.addUser('bob', { token: tokenAtRest(tokenOf('bob')) });
    const forbidden = await world.call(method, url, { ...options, token: tokenOf('bob') });
    expect(forbidden.status).toBe(403);
    expectDescribed(method, path, forbidden);
  });

  it('is what is served', async () => {
    const { body } = await world.call('GET', '/openapi.json', { token: null });
    expect(body).toEqual(JSON.parse(JSON.stringify(document)));
    expect(body.openapi).toBe('3.1.0');
  });
});

it('the document that is served is the one that the schemas make (npm run openapi)', () => {
  expect(JSON.parse(readFileSync(generatedFile, 'utf8'))).toEqual(JSON.parse(serializeDocument()));
});

import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tokenAtRest } from '../../contract/store/tokens.ts';
import { generatedFile, serializeDocument } from '../../functions/openapi/build-document.ts';
import { openApiDocument } from '../../functions/openapi/document.ts';
import { operations } from '../../functions/openapi/operations.ts';
import { type RouteKey, routes } from '../../functions/routes.ts';
import { type HttpApi, type Reply, startHttpApi } from '../kit/http-api.ts';
import { openApiProblems, schemaProblems } from '../kit/json-schema.ts';
import { tokenOf, withPassword } from '../kit/users.ts';

type Json = { [name: string]: Json } & { $ref?: string };
const document = openApiDocument() as unknown as Json;

/** As the document, but every object may have only the members that are described. */
const components = closed(document.components) as Json;

function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== 'object' || schema === null) return schema;
  const members = Object.fromEntries(Object.entries(schema).map(([name, member]) => [name, closed(member)]));
  return members.properties === undefined ? members : { additionalProperties: false, ...members };
}

function resolve(reference: string): Json {
  return reference
    .slice(2)
    .split('/')
    .reduce((found, name) => found[name.replaceAll('~1', '/')] as Json, document);
}

describe('the OpenAPI document', () => {
  let http: HttpApi;
  let receiptId: string;
  let letterIds: string[];
  let tokenId: string;
  beforeAll(async () => {
    http = await startHttpApi();
    await http.addUser('ann', { token: tokenAtRest(tokenOf('ann')), ...withPassword('secret') });
    await http.redis.zadd(`${http.prefix}gateways`, Date.now() + 60_000, 'g1');
    await http.redis.hset(`${http.prefix}gateway:g1`, { tcp: 'x' });
    await http.redis.hset(`${http.prefix}user:full`, { gateway: '' });
    await http.redis.zadd(`${http.prefix}mailbox:full`, 5, '["5",102,1,0,"",""]\n{}');
    const sent = await http.send({ command_id: 102, chat_to: ['ann', 'ghost'], content: 'x', receipt: true });
    receiptId = sent.body.id;
    const letters = [1, 2].map((at) => JSON.stringify({ entry: `x${at}`, reason: 'not JSON', at }));
    await http.redis.lpush(`${http.prefix}front_tcp:dead`, ...letters);
    letterIds = (await http.call('GET', '/dead-letters')).body.letters.map(({ id }: { id: string }) => id);
    tokenId = (await http.post('/service-tokens', { name: 'to be revoked', scopes: ['read'] })).body.id;
  });
  afterAll(() => http.stop());

  it('describes every route, and no other', () => {
    const described = Object.entries(document.paths ?? {}).flatMap(([path, item]) =>
      Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(described.sort()).toEqual(routes.map(({ method, path }) => `${method} ${path}`).sort());
  });

  it('resolves every reference', () => {
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(
      ([, reference]) => reference ?? '',
    );
    expect(references.length).toBeGreaterThan(50);
    for (const reference of references) expect([reference, typeof resolve(reference)]).toEqual([reference, 'object']);
  });

  it('is valid OpenAPI 3.1', async () => {
    expect(await openApiProblems(document)).toEqual([]);
  });

  /** The path of the route that a URL belongs to: one without parameters, or else the one that fits. */
  function pathOf(method: string, url: string): string {
    const [called = ''] = url.split('?');
    const paths = routes.filter((route) => route.method === method).map(({ path }) => path);
    const fits = (path: string) => new RegExp(`^${path.replaceAll(/{[^}]+}/g, '[^/]+')}$`).test(called);
    return paths.find((path) => path === called) ?? paths.find(fits) ?? '';
  }

  /** Fails unless the document describes this response. */
  function expectDescribed(method: string, path: string, { status, headers, body }: Reply): void {
    const described = document.paths?.[path]?.[method.toLowerCase()]?.responses?.[status] as Json | undefined;
    if (described === undefined) throw new Error(`${method} ${path} returns ${status}, which is not described`);
    const response = described.$ref === undefined ? described : resolve(described.$ref);
    for (const [name, header] of Object.entries<Json>((response.headers ?? {}) as Record<string, Json>)) {
      if (resolve(String(header.$ref)).required) expect(headers.get(name), name).not.toBeNull();
    }
    const [type = '', content] = Object.entries((response.content ?? {}) as Record<string, Json>)[0] ?? [];
    expect(headers.get('content-type')).toContain(type);
    if (type === 'application/json') expect(schemaProblems({ ...content?.schema, components }, body)).toEqual([]);
  }

  /** The status, what is called, and the body. `:receipt`, `:token` and `:letter` are ids that were made before. */
  const calls: readonly [status: number, call: string, body?: string][] = [
    [200, 'POST /login', '{"phone_number":"ann","password":"secret"}'],
    [401, 'POST /login', '{"phone_number":"ann","password":"x"}'],
    [400, 'POST /login', '{}'],
    [200, 'POST /api/v1100/login', '{"phone_number":"ann","password":"secret"}'],
    [200, 'POST /send-command', '{"command_id":102,"chat_to":"ann","content":"x"}'],
    [200, 'POST /send-command', '{"commands":[{"command_id":104,"content":"x"},{}]}'],
    [400, 'POST /send-command', '{}'],
    [200, 'POST /web/send-command', '{"command_id":2000,"chat_to":["ann"],"content":{}}'],
    [200, 'GET /'],
    [200, 'GET /web/send-command'],
    [200, 'GET /commands'],
    [200, 'GET /commands/:receipt'],
    [404, 'GET /commands/1'],
    [200, 'DELETE /commands/:receipt'],
    [404, 'DELETE /commands/1'],
    [200, 'DELETE /commands'],
    [202, 'POST /send-command', '{"command_id":102,"chat_to":"ann","content":"x","wait":"written","timeout_s":1}'],
    [409, 'POST /send-command', '{"command_id":102,"chat_to":"ann","content":"x","if_away":"fail"}'],
    [404, 'POST /send-command', '{"command_id":102,"chat_to":"ghost","content":"x","if_away":"fail"}'],
    [200, 'GET /users?limit=1'],
    [400, 'GET /users?limit=0'],
    [200, 'POST /users', '{"phone_number":"added","password":"x"}'],
    [409, 'POST /users', '{"phone_number":"added"}'],
    [400, 'POST /users', '{}'],
    [200, 'PUT /users/added/password', '{"password":"y"}'],
    [404, 'PUT /users/ghost/password', '{"password":"y"}'],
    [200, 'POST /users/added/token', '{}'],
    [404, 'POST /users/ghost/token', '{}'],
    [200, 'GET /users/full/messages?limit=1'],
    [404, 'GET /users/ghost/messages'],
    [200, 'DELETE /users/added/messages'],
    [404, 'DELETE /users/ghost/messages'],
    [200, 'DELETE /users/added'],
    [404, 'DELETE /users/added'],
    [200, 'GET /users/ann'],
    [404, 'GET /users/ghost'],
    [200, 'DELETE /users/ann/session'],
    [404, 'DELETE /users/ghost/session'],
    [200, 'DELETE /users/ann/token'],
    [200, 'DELETE /users/full/messages/5'],
    [404, 'DELETE /users/full/messages/5'],
    [200, 'GET /dead-letters?limit=1'],
    [200, 'POST /dead-letters/:letter0/retry'],
    [200, 'DELETE /dead-letters/:letter1'],
    [404, 'DELETE /dead-letters/:letter1'],
    [200, 'PUT /groups/g/members', '{"add":["ann"]}'],
    [400, 'PUT /groups/g/members', '{}'],
    [200, 'POST /send-command', '{"command_id":103,"chat_to":{"group":"g"},"content":"x"}'],
    [200, 'GET /groups'],
    [200, 'GET /groups/g/members'],
    [200, 'DELETE /groups/g'],
    [404, 'DELETE /groups/g'],
    [200, 'GET /stats'],
    [200, 'GET /stats/history?hours=1'],
    [400, 'GET /stats/history?hours=0'],
    [200, 'GET /tail?user=ann'],
    [400, 'GET /tail?cursor=x'],
    [200, 'GET /users/ann/timeline'],
    [200, 'POST /service-tokens', '{"name":"billing","scopes":["send"],"recipients":["ann"]}'],
    [400, 'POST /service-tokens', '{"name":"billing","scopes":[]}'],
    [200, 'GET /service-tokens'],
    [200, 'DELETE /service-tokens/:token'],
    [404, 'DELETE /service-tokens/ffffffffffffffffffffffff'],
    [200, 'GET /audit?limit=2'],
    [400, 'GET /audit?before=x'],
    [200, 'GET /openapi.json'],
    [200, 'POST /logout'],
  ];
  it.each(calls)('describes the response: %d to %s %s', async (status, call, body?: string) => {
    const [method = '', url = ''] = call.split(' ');
    const path = pathOf(method, url);
    const withIds = url
      .replace(':receipt', receiptId)
      .replace(':token', tokenId)
      .replace(/:letter(\d)/, (_, index) => letterIds[index] ?? '');
    const isKeyed = ['POST /web/send-command', 'DELETE /commands'].includes(call);
    const headers: Record<string, string> = isKeyed ? { 'idempotency-key': 'of this document' } : {};
    const reply = await http.call(method, withIds, body === undefined ? { headers } : { body, headers });
    expect(reply.status).toBe(status);
    expectDescribed(method, path, reply);
  });

  it('is compared with a 200 of every route', () => {
    const called = calls.filter(([status]) => status === 200).map(([, call]) => call.split(' ') as [string, string]);
    const keys = new Set(called.map(([method, url]) => `${method} ${pathOf(method, url)}`));
    expect([...keys].sort()).toEqual(Object.keys(operations).sort());
  });

  const guarded = routes.filter(({ method, path }) => operations[`${method} ${path}` as RouteKey].who !== 'anyone');
  it.each(guarded)(
    '$method $path is refused as described: without a token, and to a user without the right',
    async (route) => {
      const { method, path } = route;
      const url = path.replace('{id}', 'f'.repeat(24)).replace('{phone_number}', 'ann');
      const options = method === 'POST' ? { body: '{}' } : {};
      const reply = await http.call(method, url, { ...options, token: null });
      expect(reply.status).toBe(401);
      expectDescribed(method, path, reply);
      if (operations[`${method} ${path}` as RouteKey].who !== 'operator') return;
      await http.addUser('bob', { token: tokenAtRest(tokenOf('bob')) });
      const forbidden = await http.call(method, url, { ...options, token: tokenOf('bob') });
      expect(forbidden.status).toBe(403);
      expectDescribed(method, path, forbidden);
    },
  );

  it('is served unchanged', async () => {
    const { body } = await http.call('GET', '/openapi.json', { token: null });
    expect(body).toEqual(JSON.parse(JSON.stringify(document)));
    expect(body.openapi).toBe('3.1.0');
  });
});

it('the generated document is up to date with the schemas (npm run openapi)', () => {
  expect(JSON.parse(readFileSync(generatedFile, 'utf8'))).toEqual(JSON.parse(serializeDocument()));
});

import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generatedFile, serializeDocument } from '../../functions/openapi/build-document.ts';
import { openApiDocument } from '../../functions/openapi/document.ts';
import { routes } from '../../functions/routes.ts';
import { startWorld, type World } from './world.ts';

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
  let letterId: string;
  beforeAll(async () => {
    world = await startWorld();
    await world.addUser('ann');
    await world.redis.zadd(`${world.prefix}gateways`, Date.now() + 60_000, 'g1');
    await world.redis.hset(`${world.prefix}gateway:g1`, { tcp: 'x' });
    const sent = await world.send({ command_id: 102, chat_to: ['ann', 'ghost'], content: 'x', receipt: true });
    receiptId = sent.body.id;
    await world.redis.lpush(`${world.prefix}front_tcp:dead`, '{"entry":"x","reason":"not JSON","at":1}');
    letterId = (await world.call('GET', '/dead-letters')).body.letters[0].id;
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

  const calls: [string, string, (id: string, letter: string) => string, string | undefined, number[]][] = [
    ['post', '/send-command', () => '/send-command', '{"command_id":102,"chat_to":"ann","content":"x"}', [200]],
    ['post', '/send-command', () => '/send-command', '{"commands":[{"command_id":104,"content":"x"},{}]}', [200]],
    ['post', '/send-command', () => '/send-command', '{}', [400]],
    ['post', '/login', () => '/login', '{"phone_number":"ann","password":"x"}', [401]],
    ['get', '/commands/{id}', (id) => `/commands/${id}`, undefined, [200]],
    ['get', '/commands/{id}', () => '/commands/1', undefined, [404]],
    ['get', '/commands', () => '/commands', undefined, [200]],
    ['get', '/users', () => '/users?limit=1', undefined, [200]],
    ['get', '/users/{phone_number}', () => '/users/ann', undefined, [200]],
    ['delete', '/users/{phone_number}/session', () => '/users/ann/session', undefined, [200]],
    ['delete', '/users/{phone_number}/token', () => '/users/ann/token', undefined, [200]],
    ['get', '/dead-letters', () => '/dead-letters?limit=1', undefined, [200]],
    ['post', '/dead-letters/{id}/retry', (_, letter) => `/dead-letters/${letter}/retry`, undefined, [200]],
    ['delete', '/dead-letters/{id}', (_, letter) => `/dead-letters/${letter}`, undefined, [404]],
    ['get', '/service-tokens', () => '/service-tokens', undefined, [200]],
    ['get', '/audit', () => '/audit', undefined, [200]],
    ['get', '/stats', () => '/stats', undefined, [200]],
    ['post', '/logout', () => '/logout', undefined, [200]],
  ];
  it.each(calls)('is what is answered: %s %s', async (method, path, url, body, statuses) => {
    const { status, body: answer } = await world.call(
      method.toUpperCase(),
      url(receiptId, letterId),
      body === undefined ? {} : { body },
    );
    expect(statuses).toContain(status);
    const described = document.paths?.[path]?.[method]?.responses?.[status] as Json;
    const response = described.$ref === undefined ? described : resolve(described.$ref);
    const schema = response.content?.['application/json']?.schema as Json;
    expect(problems(schema, answer)).toEqual([]);
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

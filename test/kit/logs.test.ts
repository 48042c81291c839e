import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { makeServiceToken } from '../../contract/store/service-tokens.ts';
import { makeToken, tokenAtRest } from '../../contract/store/tokens.ts';
import { secretsIn } from './logs.ts';
import { startProcess } from './process.ts';

const line = (error: string) => JSON.stringify({ level: 30, event: 'request', error });

describe('the search for secrets in all logs of a run', () => {
  test.each([
    ['a token of a test', 'token of ann'],
    ['a token', makeToken('13565208554')],
    ['the token of a program', makeServiceToken().token],
    ['a token at rest', tokenAtRest('x')],
    ['a password at rest', 'scrypt$16384$8$1$salt$hash'],
    ['a header', 'authorization: Bearer abc'],
    ['a chat', '{"chat_from": "a", "chat_content": "b"}'],
    ['a login', '{"phone_number":"a","password":"123456"}'],
  ])('finds %s', (_, secret) => {
    const [found, ...more] = secretsIn(`{"level":30}\n${line(`before ${secret} behind`)}\n`);
    expect(found).toContain('before');
    expect(found).not.toContain(secret);
    expect(more.length).toBeLessThan(2);
  });

  test('ignores ordinary lines, and output that is not a log line', () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const usual = { level: 30, event: 'request', user: 'a.b', reason: 'bad_token', route: 'POST /login', traceparent };
    expect(secretsIn(`${JSON.stringify(usual)}\ntoken of ann, printed by a program that is asked for it\n`)).toEqual(
      [],
    );
  });

  test('covers every program that tests start', async () => {
    const logged = JSON.stringify({ level: 30, event: 'test', id: randomUUID() });
    await startProcess(process.execPath, ['-p', JSON.stringify(logged)]).exit;
    const kept = readFileSync(join(process.env.FRONTTCP_TEST_LOGS ?? '', `${process.pid}.log`), 'utf8');
    expect(kept.split('\n')).toContain(logged);
  });
});

import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { handler } from '../../functions/origin-check/handler.ts';
import { SESSION_TOKEN, startSecretsExtension } from '../kit/lambda/secrets-extension.ts';

const ARN = 'arn:aws:secretsmanager:us-east-1:111111111111:secret:origin-AbCdEf';
let extension: Awaited<ReturnType<typeof startSecretsExtension>>;

beforeEach(async () => {
  extension = await startSecretsExtension(ARN, 'first');
  vi.stubEnv('PARAMETERS_SECRETS_EXTENSION_HTTP_PORT', String(extension.port));
  vi.stubEnv('AWS_SESSION_TOKEN', SESSION_TOKEN);
  vi.stubEnv('ORIGIN_SECRET_ARN', ARN);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await extension.stop();
});

const admits = async (...identitySource: unknown[]): Promise<boolean> =>
  (await handler({ identitySource })).isAuthorized;

it('admits what shows the secret, and nothing else', async () => {
  expect(await admits('first')).toBe(true);
  for (const wrong of ['', 'firs', 'first ', 'FIRST', 'another', undefined, 7]) expect(await admits(wrong)).toBe(false);
  expect(await handler({})).toEqual({ isAuthorized: false });
});

it('admits the new value at once after a rotation, and the one before, which edges still send', async () => {
  expect(await admits('first')).toBe(true);
  extension.rotate('second');
  expect(await admits('second')).toBe(true);
  expect(await admits('first')).toBe(true);
  extension.rotate('third');
  expect(await admits('third')).toBe(true);
  expect(await admits('first')).toBe(false);
});

it('refuses by failing when the secret cannot be read, without a word of it', async () => {
  vi.stubEnv('ORIGIN_SECRET_ARN', 'arn:of:nothing');
  await expect(admits('first')).rejects.toThrow('the secret of ORIGIN_SECRET_ARN could not be read: HTTP 404');
});

it('asks Secrets Manager a bounded number of times, however many wrong values come, and still admits the right one', async () => {
  for (let i = 0; i < 50; i += 1) expect(await admits(`wrong ${i}`)).toBe(false);
  expect(extension.readsPastCache()).toBeLessThanOrEqual(2 * 16);
  expect(await admits('first')).toBe(true);
});

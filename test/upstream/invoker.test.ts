import { expect, it, onTestFinished } from 'vitest';
import { Invoker } from '../../gateway/upstream/invoker.ts';
import { THROTTLED } from '../../local/upstream/faults.ts';
import { AWS_ENV, testFunction } from './support/test-function.ts';

it('checks before each attempt, the retries of the SDK too, that the batch is still ours', async () => {
  const fn = await testFunction();
  Object.assign(process.env, AWS_ENV, { AWS_ENDPOINT_URL_LAMBDA: fn.url });
  const invoker = await Invoker.create({ region: 'us-east-1', maxAttempts: 5, maxSockets: 1 });
  onTestFinished(() => invoker.stop());
  const hand = (mayGo: () => boolean) =>
    invoker.hand('devices', '{"kind":"items","items":[]}', AbortSignal.timeout(20_000), mayGo);

  fn.fault = () => THROTTLED;
  await expect(hand(() => fn.invocations < 2)).resolves.toBe(false);
  expect(fn.invocations).toBe(2);

  fn.fault = () => (fn.invocations < 4 ? THROTTLED : undefined);
  await expect(hand(() => true)).resolves.toBe(true);
  expect(fn.invocations).toBe(4);
  expect(fn.events).toHaveLength(1);
});

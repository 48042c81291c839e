import { expect, onTestFinished, test, vi } from 'vitest';
import { StepWaits } from '../../functions/send-command/step-waits.ts';
import { silentLog } from '../kit/gateway.ts';
import { openStore } from '../store/ports.ts';

test('a wait ends by its timer, also when that fires a moment early by the clock', async () => {
  const store = await openStore('ioredis');
  const waits = new StepWaits({ redis: store.port, keys: store.keys, log: silentLog });
  vi.spyOn(performance, 'now').mockReturnValue(0);
  onTestFinished(async () => {
    vi.restoreAllMocks();
    await waits.close();
    await store.stop();
  });
  expect(await waits.wait({ id: '1', userId: 'nobody' }, () => false, 20, false)).toBeUndefined();
});

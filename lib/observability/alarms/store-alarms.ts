import type { RedisStore } from '../../redis/redis-store.ts';
import type { AlarmRow } from './alarm-row.ts';

export function storeRows({ gauges }: RedisStore): AlarmRow[] {
  const { memoryPercent, enginePercent } = gauges;
  return [
    ...(memoryPercent
      ? [
          {
            id: 'StoreMemory',
            means: 'The store is four fifths full; when it is full it refuses messages.',
            runbook: 'store-memory',
            metric: memoryPercent,
            threshold: 80,
            minutes: 5,
          },
        ]
      : []),
    ...(enginePercent
      ? [
          {
            id: 'StoreCpu',
            means: "The store's one thread is busy four fifths of the time.",
            runbook: 'store-cpu',
            metric: enginePercent,
            threshold: 80,
            minutes: 5,
          },
        ]
      : []),
  ];
}

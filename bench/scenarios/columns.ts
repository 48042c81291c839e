import type { Column } from '../report/results.ts';
import type { Figures } from '../support/loadgen.ts';
import type { Measured } from './scenario.ts';

export const OTHER_CPU = 'other_cpu';

export const perSecond = (label: string): Column => ({ key: 'rate', label, better: 'higher' });
export const LATENCY: readonly Column[] = [
  { key: 'p50', label: 'p50, ms', better: 'lower' },
  { key: 'p99', label: 'p99, ms', better: 'lower' },
];
export const CPU: readonly Column[] = [
  { key: 'user', label: 'server user, % of a CPU', better: 'neither' },
  { key: 'system', label: 'server system, %', better: 'neither' },
  { key: 'generator', label: 'generator, %', better: 'neither' },
];

/** The generator's figures of messages, in our columns. */
export function delivered(figures: Figures): Measured {
  const ms = (name: string): number | undefined => (figures[name] === undefined ? undefined : figures[name] / 1_000);
  return {
    rate: figures['deliv/s'],
    p50: ms('p50us'),
    p99: ms('p99us'),
    p999: ms('p999us'),
    max: ms('maxus'),
    user: figures['srv_user%'],
    system: figures['srv_sys%'],
    generator: figures['gen_cpu%'],
    helpers: figures['help_cpu%'],
    bytes: figures['MB/s'],
    left: figures.outstanding,
    dead: figures.dead,
    [OTHER_CPU]: figures['other_cpu%'],
  };
}

import { expect, test } from 'vitest';
import { frontTcpBill } from '../../lib/cost/model.ts';
import { costOf, HOURS_PER_MONTH, prices } from '../../lib/cost/prices.ts';
import { assumptions, defaultUsage, tasksFor } from '../../lib/cost/usage.ts';
import { readPage } from './support/fences.ts';

/** The plan of docs/scaling.md, from the model that `fronttcp cost` uses: the page may not say other numbers. */
const CLIENTS_PER_CELL = 1_000_000;
const TARGETS_PER_BALANCER = 500;
const NODES_PER_CELL = 2;
const page = readPage('docs/scaling.md');

const number = (value: number): string => Math.round(value).toLocaleString('en-US');

/** With a hundred commands in a request. The store is a cell's, as often as there are cells. */
function monthly(clients: number, cells: number, balancers: number): number {
  const bill = (many: number) => frontTcpBill({ ...defaultUsage, clients: many, batch: 100 });
  const redisOf = (many: number) => bill(many).items.find(({ name }) => name.startsWith('Redis'))?.monthly ?? 0;
  const further = (balancers - 1) * costOf(prices.nlbHour, HOURS_PER_MONTH);
  return bill(clients).total - redisOf(clients) + cells * redisOf(clients / cells) + further;
}

test.each([20_000, 100_000, 1_000_000, 10_000_000, 100_000_000])(
  'the row of %i clients is what comes out',
  (clients) => {
    const cells = Math.ceil(clients / CLIENTS_PER_CELL);
    const gateways = tasksFor(clients);
    const balancers = Math.ceil(gateways / TARGETS_PER_BALANCER);
    const total = monthly(clients, cells, balancers);
    const sizes = [clients, cells, gateways, balancers, cells * NODES_PER_CELL, clients / cells / 60].map(number);
    const rest = page.split(`| ${sizes.join(' | ')} | `)[1]?.split('\n')[0] ?? '';
    const [dollars = Number.NaN, each = Number.NaN] = rest
      .split(' | ')
      .map((cell) => Number.parseFloat(cell.replaceAll(',', '')));
    // A few dollars more or less are not worth a new page.
    expect(dollars / total).toBeCloseTo(1, 1);
    expect(each).toBeCloseTo(total / clients, 3);
  },
);

test('the page names the assumptions of the plan', () => {
  for (const value of [defaultUsage.connectionsPerTask, CLIENTS_PER_CELL, assumptions.redisBytesPerClient]) {
    expect(page).toContain(number(value));
  }
});

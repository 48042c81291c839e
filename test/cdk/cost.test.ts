import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { breakEven } from '../../lib/cost/break-even.ts';
import { frontTcpBill, iotCoreBill, webSocketBill } from '../../lib/cost/model.ts';
import { costOf, prices } from '../../lib/cost/prices.ts';
import { costReport } from '../../lib/cost/report.ts';
import { holdingBill, STEPS, stepsDown } from '../../lib/cost/steps.ts';
import { defaultUsage, tasksFor, type Usage } from '../../lib/cost/usage.ts';
import { parseSettings } from '../../lib/settings.ts';

const usage = (more: Partial<Usage> = {}): Usage => ({ ...defaultUsage, ...more });
const item = (more: Partial<Usage>, name: RegExp): number =>
  frontTcpBill(usage(more)).items.find((one) => name.test(one.name))?.monthly ?? Number.NaN;

describe('a price with tiers', () => {
  it('is paid tier by tier', () => {
    expect(costOf(prices.httpApiRequest, 438e6)).toBeCloseTo(300 + 138 * 0.9, 6);
    expect(costOf(prices.iotMessage, 8_760e6)).toBeCloseTo(1000 + 4000 * 0.8 + 3760 * 0.7, 6);
    expect(costOf(prices.httpApiRequest, 0)).toBe(0);
  });
});

describe('the model', () => {
  // Worked out by hand from the price lists: dollars a month at one command a minute.
  it.each([
    [10_000, 26, 65, 19, 623],
    [100_000, 45, 195, 193, 5_965],
    [1_000_000, 234, 1_787, 1_891, 59_379],
  ])('%i clients', (clients, balancer, gateways, traffic, post) => {
    expect(Math.round(item({ clients }, /Load balancer/))).toBe(balancer);
    expect(Math.round(item({ clients }, /Gateways/))).toBe(gateways);
    expect(Math.round(item({ clients }, /Data/))).toBe(traffic);
    expect(Math.abs(item({ clients }, /HTTP API/) - post)).toBeLessThan(post * 0.001 + 1);
  });

  it('charges TLS at the load balancer by connection', () => {
    expect(Math.round(item({ clients: 100_000, tls: 'load-balancer' }, /Load balancer/))).toBe(170);
  });

  it('makes the HTTP side small by batches of a hundred', () => {
    expect(item({ clients: 100_000, batch: 100 }, /HTTP API/)).toBeLessThan(75);
  });

  it.each([
    ['valkey', 185],
    ['serverless', 63],
    ['upstash', 26_280],
  ] as const)('%s for 100,000 clients', (redis, expected) => {
    expect(Math.round(item({ redis }, /Redis/))).toBe(expected);
  });

  it('knows the bills of the others', () => {
    expect(Math.round(webSocketBill(usage()).items[0]?.monthly ?? 0)).toBe(1_095);
    expect(Math.round(webSocketBill(usage()).items[1]?.monthly ?? 0)).toBe(3_704);
    expect(Math.round(iotCoreBill(usage()).total)).toBe(350 + 6_832);
  });

  it('never has fewer than two gateways, and spare ones at the edge', () => {
    expect([1, 20_000, 100_000, 1_000_000].map((clients) => tasksFor(clients))).toEqual([2, 2, 6, 55]);
  });
});

describe('the break-even', () => {
  it('is where both cost the same', () => {
    const clients = breakEven(usage(), webSocketBill) ?? 0;
    expect(frontTcpBill(usage({ clients })).total).toBeLessThanOrEqual(webSocketBill(usage({ clients })).total);
    expect(frontTcpBill(usage({ clients: clients - 1 })).total).toBeGreaterThan(
      webSocketBill(usage({ clients: clients - 1 })).total,
    );
  });

  it('says so when the costs never meet', () => {
    expect(breakEven(usage({ redis: 'upstash', commandsPerMinute: 10 }), iotCoreBill)).toBeUndefined();
  });
});

describe('holding a connection', () => {
  const each = (more: Partial<Usage>): number => {
    const asked = usage(more);
    return holdingBill(asked).total / asked.clients;
  };

  it('costs what the page says, and a tenth of a cent at a million with all steps', () => {
    expect(each({ clients: 100_000 })).toBeCloseTo(0.0055, 3);
    expect(each({ clients: 1_000_000 })).toBeCloseTo(0.0031, 3);
    const steps = stepsDown(usage({ clients: 1_000_000 }));
    expect(steps.at(-1)?.perClient).toBeLessThanOrEqual(0.001);
    for (const { saving, name } of steps) expect(saving, name).toBeGreaterThan(0);
  });

  it('has steps that are settings of a deployment', () => {
    for (const { setting } of STEPS) {
      const [path = '', value = ''] = setting.split(': ');
      const [group = '', name = ''] = path.split('.');
      const given: unknown = JSON.parse(value.replaceAll("'", '"'));
      // Two tasks a zone, where there is one for each.
      expect(() => parseSettings({ [group]: { [name]: given } }, setting)).not.toThrow();
    }
  });

  it('has a firewall at a price, when it has one: per million requests, and by the month', () => {
    // 5 for the web ACL, 3 rules, the secret; 1.70 for a million requests.
    expect(item({ firewall: true }, /web ACL/)).toBeCloseTo(5 + 3 + 0.4 + 4_380 * 1.7, 6);
    expect(item({ firewall: true, batch: 100 }, /web ACL/)).toBeCloseTo(8.4 + 43.8 * 1.7, 6);
    expect(item({}, /web ACL/)).toBe(0);
  });

  it('is traced at a price, when it is', () => {
    expect(item({ tracing: true }, /X-Ray/)).toBeCloseTo(4_380 * 5, 0);
    expect(item({}, /X-Ray/)).toBe(0);
  });
});

describe('docs/cost.md', () => {
  it('shows what the command prints', () => {
    const page = readFileSync('docs/cost.md', 'utf8');
    expect(page).toContain(costReport(usage()).trimEnd());
    expect(page).toContain(costReport(usage({ clients: 10_000, batch: 100 })).trimEnd());
  });
});

describe('docs/deploy.md', () => {
  it('names the cost of the first day, with nobody connected', () => {
    const page = readFileSync('docs/deploy.md', 'utf8');
    const { total } = frontTcpBill(usage({ clients: 0 }));
    expect(page).toContain(`about ten dollars a day with the default store (${Math.round(total)} dollars a month`);
    const daily = (redis: Usage['redis']) => frontTcpBill(usage({ clients: 0, redis })).total / 30;
    expect(daily('valkey').toFixed(0)).toBe('10');
    expect(page).toContain('about four dollars\na day');
    expect(daily('serverless').toFixed(0)).toBe('4');
  });
});

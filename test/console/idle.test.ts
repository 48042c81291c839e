import type { Browser, Page, Request } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { until } from '../kit/until.ts';
import { logIn, openConsole, sharedBrowser } from './support/browser.ts';
import { done, type ScriptedApi, startScriptedApi } from './support/scripted-api.ts';

let browser: Browser;
let api: ScriptedApi;

beforeAll(async () => {
  browser = await sharedBrowser();
  api = await startScriptedApi();
  api.users = Array.from({ length: 100_000 }, (_, i) => ({
    phone_number: `device-${String(i).padStart(6, '0')}`,
    online: i % 3 !== 0,
    connected_at: 1_795_343_504_645,
    last_seen: 1_795_343_504_645,
  }));
  api.commands = Array.from({ length: 30 }, (_, i) => ({
    ...{ id: String(1_838_431_748_728_832 + i), command_id: 102, from: 'boss', accepted_at: 1_795_343_504_645 },
    ...{ to: ['device-000001'], recipients: 1, receipt: { recipients: 1, states: { acknowledged: 1 } } },
  }));
  const facts = {
    delivered: '1000',
    renewed_at: '1',
    started_at: '1',
    port: '8124',
    pid: '77',
    net: 'node',
    connections: '50000',
  };
  api.answer('GET /stats', () =>
    done({
      ...{ connected: 66_667, users: 100_000, queue: { waiting: 0, dead: 0 } },
      deliveries: { routed: 1e6, stored: 1e5, written: 1e6, acknowledged: 1e6, lost: 0, broadcasts: 12, cancelled: 3 },
      gateways: ['g-one', 'g-two'].map((id) => ({
        ...{ id, live: true, sessions: 33_333, inbox: 0, lease_expires_at: 1_795_343_504_645, facts },
      })),
    }),
  );
});
afterAll(() => api.stop());

const SECONDS = 20;
const VIEWS = ['overview', 'live', 'send', 'users', 'users/device-000001', 'groups', 'history', 'gateways', 'queue'];

test('with 100,000 users an idle page asks less than once a second, and for less than 5 KB, at every view', async () => {
  api.answer('GET /groups', () => done({ groups: ['north'], cursor: null }));
  const { page, problems, close } = await openConsole(browser, `${api.url}#/${VIEWS[0]}`);
  onTestFinished(close);
  await page.clock.install();
  await page.reload();
  await logIn(page);
  await page.getByText('In contact', { exact: true }).waitFor();
  const open = new Set<Request>();
  let asked: Request[] = [];
  page.on('request', (request) => {
    open.add(request);
    asked.push(request);
  });
  page.on('requestfailed', (request) => open.delete(request));
  page.on('requestfinished', (request) => open.delete(request));
  /** By the page's clock, which goes on by itself, too. What is asked meanwhile is answered before it is put forward again. */
  const pass = async (seconds: number) => {
    for (let second = 0; second < seconds; second += 1) {
      await page.clock.runFor(1_000);
      await until('what was asked is answered', () => open.size === 0);
    }
  };
  for (const view of VIEWS) {
    // A page that is opened there: nothing of the view before goes on.
    await page.goto('about:blank');
    await page.goto(`${api.url}#/${view}`);
    await page.getByText('In contact', { exact: true }).waitFor();
    // What a view asks when it is opened is not counted.
    await pass(2);
    asked = [];
    const began = await timeOf(page);
    await pass(SECONDS);
    const seconds = ((await timeOf(page)) - began) / 1_000;
    expect(seconds).toBeGreaterThanOrEqual(SECONDS);
    const sizes = await Promise.all(asked.map(sizeOf));
    const bytes = sizes.reduce((sum, one) => sum + one, 0);
    // Some views ask every ten seconds.
    expect(sizes.length, view).toBeGreaterThan(1);
    expect(sizes.length, view).toBeLessThan(seconds);
    expect(bytes, view).toBeLessThan(seconds * 5_000);
  }
  expect(problems).toEqual([]);
});

const sizeOf = async (request: Request): Promise<number> => {
  const all = await request.sizes();
  return all.responseBodySize + all.responseHeadersSize + all.requestHeadersSize;
};

const timeOf = (page: Page) => page.evaluate<number>('Date.now()');

test('with 100,000 users the first paint is the whole frame of the page, and waits for no response of the API', async () => {
  const { page, problems, close } = await openConsole(browser, `${api.url}#/users`);
  onTestFinished(close);
  await logIn(page);
  await page.getByText('device-000001', { exact: true }).waitFor();
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  await page.route('**/*', async (route) => {
    if (route.request().resourceType() !== 'document') await released;
    await route.continue();
  });
  await page.reload();
  await page.getByRole('heading', { name: 'Users', exact: true }).waitFor();
  // The heading is in the document a moment before it is painted.
  const paintedMs = await until('the page is painted', () =>
    page.evaluate<number | undefined>("performance.getEntriesByName('first-contentful-paint')[0]?.startTime"),
  );
  release();
  await page.getByText('device-000001', { exact: true }).waitFor();
  const shown = await page.locator('.user').count();
  expect(shown).toBeLessThan(100);
  expect(paintedMs).toBeGreaterThan(0);
  process.stdout.write(`first paint with 100,000 users: ${paintedMs.toFixed(0)} ms after the navigation\n`);
  expect(problems).toEqual([]);
});

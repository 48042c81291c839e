import { expect, test } from 'vitest';
import { problemsOf } from '../../functions/console/page/state/health.ts';
import { until } from '../kit/until.ts';
import { done } from './support/scripted-api.ts';
import { setUpConsole } from './support/setup.ts';

const ui = setUpConsole((setup) => {
  setup.api.users = [{ phone_number: 'pump-1', online: true }];
});

const GAP = 20;

/** A day with a gap, as the API tells it. */
function aDay() {
  const values = (of: (at: number) => number) =>
    Array.from({ length: 288 }, (_, at) => (at >= GAP && at < GAP + 10 ? null : of(at)));
  return done({
    from: Math.floor(Date.now() / 300_000) * 300 - 288 * 300,
    step_s: 300,
    clients: values((at) => 290 + (at % 10)),
    gateways: values(() => 2),
    delivered_per_s: values(() => 12),
    p50_ms: values(() => 3),
    p95_ms: values(() => 18),
  });
}

test('the first view says in one sentence that all is well, and charts the last day', async () => {
  ui.api.answer('GET /stats/history', aDay);
  ui.api.answer('GET /stats', () =>
    done({ connected: 297, queue: { waiting: 0, dead: 0 }, gateways: [{ id: 'a', live: true }] }),
  );
  const page = await ui.logInAt('#/');
  await page.getByText('All well: 297 clients connected, 1 gateway.').waitFor();
  expect(await page.title()).toBe('Overview · fronttcp console');
  const clients = page.getByRole('img', { name: 'Clients. All gateways: now 297, from 290 to 299' });
  await clients.waitFor();
  await page.getByRole('img', { name: /half within: now 3 ms.*95 of 100 within: now 18 ms/ }).waitFor();
  // A line is not drawn over what is not known: it ends before the gap and begins anew behind it.
  const line = (await clients.locator('.chart-line').getAttribute('d')) ?? '';
  expect(line.match(/M/g)).toHaveLength(2);
  const width = Number(await clients.getAttribute('width'));
  const xs = [...line.matchAll(/[ML]([\d.]+) /g)].map(([, x]) => Number(x));
  expect(Math.min(...xs)).toBeGreaterThanOrEqual(48);
  expect(Math.max(...xs)).toBeLessThanOrEqual(width - 16);
  await page.getByLabel('1 hour').check();
  await until('the hour is asked for', () =>
    ui.api.requestsOf('GET /stats/history').some(({ url }) => url.searchParams.get('hours') === '1'),
  );
});

test('the numbers beside a chart are whole, however long they are', async () => {
  const day = aDay();
  const slow = { ...day, body: { ...day.body, p95_ms: Array.from({ length: 288 }, () => 240) } };
  ui.api.answer('GET /stats/history', () => slow);
  const page = await ui.logInAt('#/');
  await page.getByText('300 ms', { exact: true }).first().waitFor();
  const cut = await page.evaluate<string[]>(
    `[...document.querySelectorAll('.chart svg text')].filter((one) => one.getBBox().x < 0).map((one) => one.textContent)`,
  );
  expect(cut).toEqual([]);
});

test('troubles are listed with where to look, the worst first', async () => {
  ui.api.letters = [{ id: '0-0123456789abcdef', entry: 'x', reason: 'not JSON' }];
  ui.api.answer('GET /stats', () => done({ connected: 0, queue: { waiting: 5_000, dead: 1 }, gateways: [] }));
  const page = await ui.logInAt('#/overview');
  await page.getByText('No gateway is running: nobody can connect.').waitFor();
  await page.getByText('5,000 entries wait in the queue.').waitFor();
  expect(await page.locator('.verdict').innerText()).toMatch(/No gateway[\s\S]*5,000 entries[\s\S]*1 dead letter/);
  await page.getByRole('link', { name: 'See Queue' }).last().click();
  await page.getByRole('heading', { name: 'Queue', exact: true }).waitFor();
});

test('each trouble is found, and small values are not', () => {
  const gateway = { id: 'a', live: true, sessions: 100, inbox: 0 };
  const stats = { connected: 100, gateways: [gateway], queue: { waiting: 900, dead: 0 } };
  const figures = { from: 0, step_s: 60, gateways: [], delivered_per_s: [], p50_ms: [] };
  const dayOf = (clients: (number | null)[], p95_ms: (number | null)[]) => ({
    hours: 1,
    readAtMs: 0,
    times: [],
    figures: { ...figures, clients, p95_ms },
  });
  const kinds = (...args: Parameters<typeof problemsOf>) => problemsOf(...args).map(({ kind }) => kind);
  expect(kinds(stats, undefined)).toEqual([]);
  expect(kinds(stats, dayOf([110, null, 105], [900, 5_000, 5_000]))).toEqual([]);
  expect(kinds({ ...stats, connected: 60 }, dayOf([null, 110, 70], []))).toEqual(['fewer']);
  expect(kinds({ ...stats, connected: 0 }, dayOf([5], []))).toEqual([]);
  expect(kinds(stats, dayOf([], [1_500, 1_200, 5_000]))).toEqual(['slow']);
  const others = [
    { ...gateway, inbox: 1_001 },
    { ...gateway, live: false },
  ];
  expect(kinds({ ...stats, gateways: others, queue: { waiting: 1_001, dead: 3 } }, undefined)).toEqual([
    'leaseOver',
    'inbox',
    'queue',
    'deadLetters',
  ]);
});

test('events are shown as they happen, can be filtered, and are bounded', async () => {
  let pending: object[] = [];
  ui.api.answer('GET /tail', ({ url }) => {
    const lines = url.searchParams.has('cursor') ? pending : [];
    pending = [];
    return done({ lines, skipped: 0, cursor: '1-1_1-1' });
  });
  const page = await ui.logInAt('#/live');
  await page.getByText('Nothing yet.').waitFor();
  const at = Date.now();
  pending = [
    { at, type: 'connected', gateway: 'g-1', user: 'pump-1', epoch: 1, reason: 'verified' },
    { at, type: 'delivered', gateway: 'g-1', user: 'pump-1', command: 102, message: '77', way: 'mailbox' },
    { at, type: 'verify_refused', gateway: 'g-1', user: 'pump-2' },
    { at, type: 'skipped', gateway: 'g-1', count: 3 },
  ];
  const rows = page.getByRole('list', { name: 'Live' }).locator('> li');
  await rows.nth(2).getByText('Connected').waitFor();
  await rows.nth(1).getByText('from the mailbox').waitFor();
  await rows.nth(0).getByText('Token refused').waitFor();
  await page.getByText('3 lines were too many to be shown.').waitFor();
  await page.getByLabel('Deliveries').uncheck();
  expect(await rows.count()).toBe(2);
  await page.getByLabel('Deliveries').check();
  await page.getByRole('searchbox').fill('pump-1');
  await until('only this user is followed, from now on', () => {
    const last = ui.api.requestsOf('GET /tail').at(-1)?.url.searchParams;
    return last?.get('user') === 'pump-1';
  });
  pending = Array.from({ length: 350 }, (_, n) => ({ at: at + n, type: 'connected', gateway: 'g-1', user: 'pump-1' }));
  await until('the newest are kept', async () => (await rows.count()) === 300);
  await page.getByRole('button', { name: 'Pause' }).click();
  const asked = ui.api.requestsOf('GET /tail').length;
  const rounds = ui.api.requestsOf('GET /stats').length;
  await until('rounds go on', () => ui.api.requestsOf('GET /stats').length > rounds + 1);
  expect(ui.api.requestsOf('GET /tail').length).toBe(asked);
  await page.getByRole('button', { name: 'Clear the lines' }).click();
  expect(await rows.count()).toBe(0);
});

test('the simulated device shows real frames, says that it is simulated, and sends nothing', async () => {
  const page = await ui.logInAt('#/device');
  await page.getByText('This is a simulation').waitFor();
  const frames = page.getByRole('list', { name: 'Frames, the newest first' }).locator('> li');
  await page.getByRole('button', { name: 'Heartbeat' }).click();
  // length 12, version 1100, command 5: a frame of a header alone. Before the verify nothing comes back.
  await frames.getByRole('img', { name: 'Bytes: 00 00 00 0c 00 00 04 4c 00 00 00 05', exact: true }).waitFor();
  expect(await frames.count()).toBe(1);
  await page.getByRole('button', { name: 'Verify with a wrong token' }).click();
  await frames.nth(0).getByText('{"code":0}').waitFor();
  await page.getByRole('button', { name: 'Verify', exact: true }).click();
  await frames.nth(0).getByText('"code":1').waitFor();
  await page.getByRole('button', { name: 'Chat to itself' }).click();
  await frames.nth(0).getByText('"chat_content":"Hello, 世界"').waitFor();
  await page.getByRole('button', { name: 'Acknowledge' }).click();
  await frames.nth(0).getByText('"ids":').waitFor();
  expect(ui.api.requests.filter(({ route }) => route.startsWith('POST') && route !== 'POST /login')).toEqual([]);
});

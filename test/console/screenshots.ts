import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { addFigures } from '../../contract/store/scripts/figures.ts';
import { reservePort } from '../kit/ports.ts';
import { launchBrowser, logIn, openConsole, userBox, writeAndSend } from './support/browser.ts';
import { startSystem } from './support/system.ts';

/**
 * `npm run screenshots`: the pictures of the console in docs/images/, of the whole system with two gateways, a small
 * fleet and some traffic. Takes about two minutes, because the charts draw what really happens.
 */
const folder = fileURLToPath(new URL('../../docs/images/', import.meta.url));

const FLEET = Array.from({ length: 24 }, (_, i) => `pump-${String(i + 1).padStart(3, '0')}`);
const DESKTOP = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };
const WATCHED_MS = 25_000;

interface Words {
  single: string;
  group: string;
  everyone: string;
  next: string;
}

const english: Words = {
  single: 'Valve 3 reports low pressure. Please confirm.',
  group: 'Station north goes down for maintenance at 22:00.',
  everyone: 'Firmware 2.4 is out. It installs itself tonight.',
  next: 'Maintenance is over, thank you.',
};

const chinese: Words = {
  single: '3 号阀门压力偏低，请确认。',
  group: '北站将于今晚 22:00 停机维护。',
  everyone: '固件 2.4 已发布，今晚自动安装。',
  next: '维护已完成，谢谢。',
};

/** What is shown beside the first view, by the part of the address that names it. */
const places: Readonly<Record<string, string>> = {
  overview: '#/overview',
  live: '#/live',
  gateways: '#/gateways',
  users: '#/users/pump-004',
  groups: '#/groups/station-north',
  history: '#/history',
  queue: '#/queue',
  tokens: '#/tokens',
  device: '#/device',
};

interface Shots {
  suffix: string;
  words: Words;
  options: BrowserContextOptions;
  views: readonly string[];
}

const phone = { viewport: PHONE, isMobile: true, hasTouch: true };
const shots: readonly Shots[] = [
  { suffix: '', words: english, options: { viewport: DESKTOP }, views: Object.keys(places) },
  {
    suffix: '-dark',
    words: english,
    options: { viewport: DESKTOP, colorScheme: 'dark' },
    views: ['overview', 'gateways'],
  },
  { suffix: '-chinese', words: chinese, options: { viewport: DESKTOP, locale: 'zh-CN' }, views: ['history'] },
  { suffix: '-phone', words: english, options: phone, views: ['overview', 'gateways', 'users'] },
];

await mkdir(folder, { recursive: true });
const gatewayPorts = [await reservePort(), await reservePort()];
const [browser, system] = await Promise.all([launchBrowser(), startSystem({ gatewayPorts })]);
const { redis, keys } = system.runtime;
try {
  for (const userId of FLEET) await redis.command('ZADD', keys.users, 0, userId);
  for (const [i, userId] of FLEET.entries()) {
    if (i % 4 === 3) await redis.command('HSET', keys.user(userId), 'token', 'x');
    else await system.connectClient(userId, undefined, { acknowledges: i % 3 === 0, gateway: i % 5 < 3 ? 0 : 1 });
  }
  await redis.command('LPUSH', keys.queue, ...unhappyEntries());
  await inventADay();
  for (const shot of shots) await take(shot);
} finally {
  await Promise.all([browser.close(), system.stop()]);
}

async function take({ suffix, words, options, views }: Shots): Promise<void> {
  const { page, close } = await openConsole(browser, system.url, { deviceScaleFactor: 1.5, ...options });
  await logIn(page);
  await userBox(page, 'pump-001').waitFor();
  await useConsole(page, words);
  await page.screenshot({ path: `${folder}console${suffix}.png` });
  if (suffix === '') await makeTokensAndGroups(page);
  // The gateways first, while there is traffic.
  const traffic = startTraffic();
  if (views.includes('gateways')) await page.waitForTimeout(WATCHED_MS);
  for (const view of views) {
    await page.evaluate(`location.hash = ${JSON.stringify(places[view])}`);
    await page.locator('main h1').waitFor();
    // The next round of figures has come, and nothing is being loaded.
    await page.waitForTimeout(4_000);
    await page.locator('.skeleton').first().waitFor({ state: 'detached' });
    if (view === 'device') await useDevice(page);
    if (view === 'history') await page.locator('.rows summary').first().click();
    await page.waitForTimeout(1_000);
    await page.screenshot({ path: `${folder}console-${view}${suffix}.png` });
  }
  await traffic.stop();
  await close();
}

async function useConsole(page: Page, words: Words): Promise<void> {
  await page.locator('input[value=everyone]').check();
  await writeAndSend(page, words.everyone);
  await page.locator('dialog[open] .filled').click();
  await page.locator('.delivery').waitFor();
  await page.locator('input[value=chosen]').check();
  await userBox(page, 'pump-002').check();
  await send(page, words.single, 2);
  await userBox(page, 'pump-003').check();
  await userBox(page, 'pump-004').check();
  await send(page, words.group, 3);
  await page.locator('#content').fill(words.next);
  await page.evaluate(`document.querySelector('.users').scrollTo(0, 0)`);
  await page.evaluate('scrollTo(0, 0)');
}

async function send(page: Page, content: string, count: number): Promise<void> {
  await writeAndSend(page, content);
  await page
    .locator('.delivery')
    .nth(count - 1)
    .waitFor();
}

/** The day before: this system has just begun. A quiet night, a gateway that was away for half an hour, today's traffic. */
async function inventADay(): Promise<void> {
  const now = Math.floor(Date.now() / 60_000);
  for (let back = 24 * 60; back > 1; back -= 1) {
    if (back > 500 && back < 530) continue;
    const busy = 0.55 + 0.45 * Math.sin(((24 * 60 - back) / (24 * 60)) * 2 * Math.PI - 1);
    const delivered = Math.round(60 * (20 + 70 * busy + 6 * Math.random()));
    const took = [0, 0, 0.1, 0.5, 0.25, 0.1, 0.05].map((share) =>
      Math.round(share * delivered * (0.9 + 0.2 * Math.random())),
    );
    const clients = Math.round(FLEET.length * (0.6 + 0.2 * busy));
    await addFigures(redis, keys, now - back, { clients, delivered, took });
  }
}

async function useDevice(page: Page): Promise<void> {
  for (const name of ['Heartbeat', 'Verify', 'Chat to itself'])
    await page.getByRole('button', { name, exact: true }).click();
}

async function makeTokensAndGroups(page: Page): Promise<void> {
  const token = await page.evaluate<string>(`JSON.parse(sessionStorage.getItem('fronttcp.session')).token`);
  const call = async (method: string, path: string, body: object): Promise<void> => {
    const headers = { authorization: `Bearer ${token}` };
    const { ok, status } = await fetch(new URL(path, system.url), { method, headers, body: JSON.stringify(body) });
    if (!ok) throw new Error(`${method} ${path}: ${status}`);
  };
  const make = (body: object) => call('POST', '/service-tokens', body);
  await make({ name: 'billing', scopes: ['send'], recipients: ['pump-001', 'pump-002'], ttl_s: 604_800 });
  await make({ name: 'dashboard', scopes: ['read'] });
  await make({ name: 'night-shift', scopes: ['send', 'read'], ttl_s: 86_400 });
  await call('PUT', '/groups/station-north/members', { add: FLEET.slice(0, 9) });
  await call('PUT', '/groups/station-south/members', { add: FLEET.slice(9) });
}

/** A producer that writes into the queue in waves. */
function startTraffic(): { stop: () => Promise<void> } {
  let isStopped = false;
  const running = (async () => {
    for (let i = 0; !isStopped; i += 1) {
      const wave = Math.round(20 + 14 * Math.sin(i / 14) + Math.random() * 8);
      const entries = Array.from({ length: wave }, (_, n) =>
        JSON.stringify({
          command_id: 102,
          chat_from: 'telemetry',
          chat_to: [FLEET[(i + n) % FLEET.length]],
          chat_content: `reading ${i}`,
        }),
      );
      await redis.command('LPUSH', keys.queue, ...entries);
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  })();
  return {
    stop: () => {
      isStopped = true;
      return running;
    },
  };
}

function unhappyEntries(): string[] {
  const chat = (chat_to: unknown, chat_content: unknown) =>
    JSON.stringify({ command_id: 103, chat_from: 'billing', chat_to, chat_content });
  return [
    chat(['pump-002', 'pump-099', 'pump-100'], 'The invoice for October is ready.'),
    chat('pump-003', 'A single recipient, and not in a list'),
    '{"command_id": 102, "chat_from": "cron", "chat_to": ["pump-001"], "chat_content": 42}',
    'pump-007: reboot at 03:00',
  ];
}

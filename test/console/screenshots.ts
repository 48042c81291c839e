import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { launchBrowser, logIn, openConsole, userBox, writeAndSend } from './support/browser.ts';
import { startSystem } from './support/system.ts';

/** `npm run screenshots`: the pictures of the console in docs/images/, of the whole system with a few clients. */
const folder = fileURLToPath(new URL('../../docs/images/', import.meta.url));

const FLEET = Array.from({ length: 24 }, (_, i) => `pump-${String(i + 1).padStart(3, '0')}`);
const DESKTOP = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };

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

const shots: [name: string, words: Words, options: BrowserContextOptions][] = [
  ['console', english, { viewport: DESKTOP, colorScheme: 'light' }],
  ['console-dark', english, { viewport: DESKTOP, colorScheme: 'dark' }],
  ['console-chinese', chinese, { viewport: DESKTOP, colorScheme: 'light', locale: 'zh-CN' }],
  ['console-phone', english, { viewport: PHONE, colorScheme: 'light', isMobile: true, hasTouch: true }],
];

await mkdir(folder, { recursive: true });
const [browser, system] = await Promise.all([launchBrowser(), startSystem()]);
try {
  const { redis, keys } = system.runtime;
  for (const userId of FLEET) await redis.command('ZADD', keys.users, 0, userId);
  for (const [i, userId] of FLEET.entries()) {
    if (i % 4 === 3) await redis.command('HSET', keys.user(userId), 'token', 'x');
    else await system.connectClient(userId);
  }
  for (const [name, words, options] of shots) {
    const { page, close } = await openConsole(browser, system.url, { deviceScaleFactor: 1.5, ...options });
    await logIn(page);
    await userBox(page, 'pump-001').waitFor();
    await useConsole(page, words);
    await page.screenshot({ path: `${folder}${name}.png` });
    await close();
  }
} finally {
  await Promise.all([browser.close(), system.stop()]);
}

async function useConsole(page: Page, words: Words): Promise<void> {
  await page.locator('input[value=everyone]').check();
  await send(page, words.everyone, 1);
  await page.locator('input[value=chosen]').check();
  await userBox(page, 'pump-002').check();
  await send(page, words.single, 2);
  await userBox(page, 'pump-003').check();
  await userBox(page, 'pump-004').check();
  await send(page, words.group, 3);
  await page.locator('#content').fill(words.next);
  await page.locator('.users').evaluate('(list) => list.scrollTo(0, 0)');
  await page.evaluate('scrollTo(0, 0)');
}

async function send(page: Page, content: string, count: number): Promise<void> {
  await writeAndSend(page, content);
  await page
    .locator('.delivery')
    .nth(count - 1)
    .waitFor();
}

import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { sideways, violations } from './support/axe.ts';
import { logIn, openConsole, sharedBrowser, userBox, writeAndSend } from './support/browser.ts';
import { done, OPERATOR, refused, type ScriptedApi, startScriptedApi } from './support/scripted-api.ts';

const TO_THREE = { 'en-US': 'Send to 3 clients', 'zh-CN': '发送给 3 个客户端' } as const;
/** Together every language with every colour scheme. What a view shows depends on each by itself. */
const onDesktop = [
  { locale: 'en-US', colorScheme: 'dark' },
  { locale: 'zh-CN', colorScheme: 'light' },
] as const;
const onPhone = [
  { locale: 'en-US', colorScheme: 'light' },
  { locale: 'zh-CN', colorScheme: 'dark' },
] as const;

const PHONE = { width: 360, height: 740 };

let browser: Browser;
let api: ScriptedApi;

beforeAll(async () => {
  browser = await sharedBrowser();
  api = await startScriptedApi();
  api.users = [
    { phone_number: OPERATOR, role: 'operator', online: false, last_seen: Date.now() - 86_400_000 * 3 },
    { phone_number: 'd'.repeat(128), online: true, connected_at: Date.now() },
    { phone_number: 'pump-1', online: true },
  ];
  api.answer('GET /commands/{id}', () =>
    done({
      recipients: ['routed', 'stored', 'written', 'acknowledged', 'expired', 'failed'].map((state, i) => ({
        phone_number: `pump-${i}`,
        state,
      })),
    }),
  );
});
afterAll(async () => {
  await api.stop();
});

test.each(onDesktop)('axe finds nothing: $locale, $colorScheme', async (options) => {
  const { page, problems, close } = await openConsole(browser, api.url, options);
  onTestFinished(close);
  expect(await page.locator('html').getAttribute('lang')).toBe(options.locale === 'en-US' ? 'en' : options.locale);
  expect(await violations(page)).toEqual([]);
  await logIn(page, OPERATOR, 'wrong');
  await page.locator('.notice.bad').waitFor();
  expect(await violations(page)).toEqual([]);

  await logIn(page);
  await userBox(page, 'pump-1').waitFor();
  expect(await violations(page)).toEqual([]);
  await fillConsole(page);
  expect(await page.getByRole('button', { name: TO_THREE[options.locale] }).count()).toBe(1);
  expect(await violations(page)).toEqual([]);

  await page.locator('input[value=everyone]').check();
  expect(await violations(page)).toEqual([]);
  await writeAndSend(page, 'to everyone');
  await page.getByRole('dialog').waitFor();
  expect(await violations(page)).toEqual([]);
  await page.getByRole('dialog').getByRole('button').first().click();
  await page.locator('.top-tools button').first().click();
  await page.getByRole('dialog').waitFor();
  expect(await violations(page)).toEqual([]);
  expect(problems).toEqual([]);
});

test.each(onPhone)('a phone of 360 px has no sideways scrolling: $locale, $colorScheme', async (appearance) => {
  const { locale, colorScheme } = appearance;
  const { page, close } = await openConsole(browser, api.url, {
    locale,
    colorScheme,
    viewport: PHONE,
    hasTouch: true,
    isMobile: true,
  });
  onTestFinished(close);
  expect(await sideways(page)).toBe(0);
  await logIn(page);
  await userBox(page, 'pump-1').waitFor();
  await fillConsole(page);
  expect(await sideways(page)).toBe(0);
  expect(await violations(page)).toEqual([]);
});

test('language and theme can be chosen, at once and for the next time', async () => {
  const { page, close } = await openConsole(browser, api.url);
  onTestFinished(close);
  const ground = () => page.evaluate('getComputedStyle(document.documentElement).backgroundColor');
  const light = await ground();
  await page.getByLabel('Theme').selectOption('Dark');
  const dark = await ground();
  expect(dark).not.toBe(light);
  await page.getByLabel('Language').selectOption('中文');
  await page.getByRole('heading', { name: '操作员登录' }).waitFor();
  expect(await page.locator('html').getAttribute('lang')).toBe('zh-CN');
  expect(await page.title()).toBe('fronttcp 控制台');
  await page.reload();
  await page.getByRole('heading', { name: '操作员登录' }).waitFor();
  expect(await ground()).toBe(dark);
});

test('the API is asked in the language of the page', async () => {
  const { page, close } = await openConsole(browser, api.url, { locale: 'zh-CN' });
  onTestFinished(close);
  await logIn(page);
  await userBox(page, 'pump-1').waitFor();
  expect(api.requests.at(-1)?.headers['accept-language']).toBe('zh');
});

test('reduced motion is respected', async () => {
  const { page, close } = await openConsole(browser, api.url, { reducedMotion: 'reduce' });
  onTestFinished(close);
  const moving = `[...document.querySelectorAll('*')].filter((one) => {
    const { transitionDuration, animationName } = getComputedStyle(one);
    return transitionDuration !== '0s' || animationName !== 'none';
  }).length`;
  expect(await page.evaluate(moving)).toBe(0);
  await page.emulateMedia({ reducedMotion: 'no-preference' });
  expect(await page.evaluate(moving)).toBeGreaterThan(0);
});

/** Everything at once: chosen users, a refusal, an unanswered send, an accepted one with its delivery. */
async function fillConsole(page: Page): Promise<void> {
  await page.locator('.users-head input').check();
  api.answer('POST /send-command', () => refused(400, 'content: is not allowed'));
  await writeAndSend(page, 'refused');
  await page.locator('.send.bad').waitFor();
  api.answer('POST /send-command', () => refused(503, 'away', { 'retry-after': '30' }));
  await writeAndSend(page, 'unanswered');
  await page.locator('.send.warn').waitFor();
  api.answer('POST /send-command', () => done({ id: '1', recipients: { online: 1, stored: 1, unknown: 1 } }));
  await writeAndSend(page, 'accepted');
  await page.locator('.delivery').waitFor();
  await page.locator('.delivery summary').click();
  await page.locator('#content').fill('the next one');
}

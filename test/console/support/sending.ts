import type { Browser, Page } from 'playwright-core';
import { expect, onTestFinished } from 'vitest';
import { sideways, violations } from './axe.ts';
import { logIn, openConsole, userBox, writeAndSend } from './browser.ts';
import { done, OPERATOR, refused, type ScriptedApi, startScriptedApi } from './scripted-api.ts';

const TO_THREE = { 'en-US': 'Send to 3 clients', 'zh-CN': '发送给 3 个客户端' } as const;
const PHONE = { width: 360, height: 740 };

interface Appearance {
  readonly locale: keyof typeof TO_THREE;
  readonly colorScheme: 'light' | 'dark';
}

/** Three users, and a message that has come to its recipients in every state. */
export async function startApiOfThree(): Promise<ScriptedApi> {
  const api = await startScriptedApi();
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
  return api;
}

/** From the login to a sent message, on a desktop: axe finds nothing at any step. */
export async function judgeSending(browser: Browser, api: ScriptedApi, options: Appearance): Promise<void> {
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
  await fillConsole(page, api);
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
}

/** The same at its fullest, on a phone: nothing is too wide, and axe finds nothing. */
export async function judgePhone(browser: Browser, api: ScriptedApi, options: Appearance): Promise<void> {
  const { page, close } = await openConsole(browser, api.url, {
    ...options,
    viewport: PHONE,
    hasTouch: true,
    isMobile: true,
  });
  onTestFinished(close);
  expect(await sideways(page)).toBe(0);
  await logIn(page);
  await userBox(page, 'pump-1').waitFor();
  await fillConsole(page, api);
  expect(await sideways(page)).toBe(0);
  expect(await violations(page)).toEqual([]);
}

/** Everything at once: chosen users, a refusal, an unanswered send, an accepted one with its delivery. */
async function fillConsole(page: Page, api: ScriptedApi): Promise<void> {
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

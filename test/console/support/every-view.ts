import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { expect, onTestFinished } from 'vitest';
import { sideways, violations } from './axe.ts';
import { logInAt } from './browser.ts';
import { done, OPERATOR, type ScriptedApi, startScriptedApi } from './scripted-api.ts';

const LONG = 'd'.repeat(128);
const desktop = { viewport: { width: 1280, height: 800 } };
const phone = { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true };

/** Both languages, colour schemes and sizes. The other half of the eight, as far as it differs, is `moreAppearances`. */
export const appearances = [
  { name: 'English, light, phone', options: { locale: 'en-US', colorScheme: 'light', ...phone } },
  { name: 'Chinese, dark, desktop', options: { locale: 'zh-CN', colorScheme: 'dark', ...desktop } },
] as const;

export const moreAppearances = [
  { name: 'English, light, desktop', options: { locale: 'en-US', colorScheme: 'light', ...desktop } },
  { name: 'Chinese, light, phone', options: { locale: 'zh-CN', colorScheme: 'light', ...phone } },
  { name: 'English, dark, phone', options: { locale: 'en-US', colorScheme: 'dark', ...phone } },
] as const;

/** An API with something to show in every view: long names, all states, dead letters, tokens. */
export async function startFullApi(): Promise<ScriptedApi> {
  const api = await startScriptedApi();
  api.users = [
    { phone_number: OPERATOR, role: 'operator', online: false, last_seen: Date.now() - 86_400_000 * 3 },
    { phone_number: LONG, online: true, connected_at: Date.now() },
    { phone_number: 'pump-1', online: true },
  ];
  const states = { routed: 1, stored: 2, written: 3, acknowledged: 4, expired: 1, failed: 1 };
  const command = { from: OPERATOR, accepted_at: Date.now(), command_id: 103 };
  api.commands = [
    { ...command, id: '2', to: [LONG, 'pump-1'], recipients: 12, receipt: { recipients: 12, states } },
    { ...command, id: '1', command_id: 104, to: null, recipients: null, receipt: null },
  ];
  api.answer('GET /commands/{id}', () => done({ recipients: [{ phone_number: LONG, state: 'failed', reason: 'x' }] }));
  api.letters = [
    { id: '1-0123456789abcdef', entry: `{"${'x'.repeat(3_000)}":1}`, reason: 'unknown recipients', chat_to: [LONG] },
    { id: '0-0123456789abcdef', entry: 'x', reason: null },
  ];
  api.tokens = [
    { id: 'a'.repeat(24), name: 'n'.repeat(64), scopes: ['send', 'read'], recipients: [LONG, 'pump-1'] },
    { id: 'b'.repeat(24), name: 'dashboard', scopes: ['read'] },
  ];
  api.answer('GET /stats', () =>
    done({
      connected: 3,
      users: 3,
      queue: { waiting: 5, dead: 2 },
      deliveries: { stored: 1 },
      gateways: ['one', 'two'].map((id) => ({
        id: `gateway-of-long-name-${id}`,
        live: id === 'one',
        sessions: 2,
        inbox: 1,
      })),
    }),
  );
  return api;
}

/** Goes through every view: axe finds nothing, and nothing is too wide. */
export async function judgeEveryView(
  browser: Browser,
  api: ScriptedApi,
  options: BrowserContextOptions,
): Promise<void> {
  const { page, problems, close } = await logInAt(browser, api, '#/gateways', options);
  onTestFinished(close);
  await page.locator('.chart svg').first().waitFor();
  await judge(page);
  await show(page, 'overview', '.chart-table');
  await page.locator('.chart-table summary').first().click();
  await page.locator('.chart-table th').first().waitFor();
  await judge(page);
  await show(page, 'live', '.filter');
  await judge(page);
  await show(page, 'device', 'main .actions.start');
  await page.locator('main .actions.start button').first().click();
  await page.locator('.frame-row.gateway').first().waitFor();
  await judge(page);
  await show(page, 'users', '.users');
  await judge(page);
  await show(page, `users/${LONG}`, '.facts');
  await page.locator('button.danger:visible').last().click();
  await page.getByRole('dialog').waitFor();
  await judge(page);
  await page.keyboard.press('Escape');
  await show(page, 'history', '.command-row');
  await page.locator('summary').first().click();
  await page.locator('.recipient-states').waitFor();
  await judge(page);
  await show(page, 'queue', '.letter');
  await judge(page);
  await show(page, 'tokens', '.token-row');
  await page.locator('form button[type=submit]').click();
  await page.locator('.notice.bad').waitFor();
  await judge(page);
  await show(page, 'send', '.users');
  await page.locator('input[value=application]').check();
  await judge(page);
  expect(problems).toEqual([]);
}

async function show(page: Page, place: string, sign: string): Promise<void> {
  await page.evaluate(`location.hash = ${JSON.stringify(`#/${place}`)}`);
  await page.locator(sign).first().waitFor();
}

async function judge(page: Page): Promise<void> {
  expect(await violations(page)).toEqual([]);
  expect(await sideways(page)).toBe(0);
}

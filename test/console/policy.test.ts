import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { until } from '../kit/until.ts';
import { logIn, openConsole, sharedBrowser, userBox } from './support/browser.ts';
import { OPERATOR, type ScriptedApi, startScriptedApi } from './support/scripted-api.ts';

let browser: Browser;
let api: ScriptedApi;

beforeAll(async () => {
  browser = await sharedBrowser();
  api = await startScriptedApi();
  api.users = [{ phone_number: OPERATOR, role: 'operator', online: false }];
});
afterAll(async () => {
  await api.stop();
});

const attacks: Record<string, string> = {
  'an inline script': `const s = document.createElement('script'); s.append('window.hit = 1'); document.head.append(s)`,
  'an event handler': `const b = document.createElement('b'); b.setAttribute('onclick', 'window.hit = 1'); b.click()`,
  'a style element': `const s = document.createElement('style'); s.append('body { --hit: 1 }'); document.head.append(s);
    if (getComputedStyle(document.body).getPropertyValue('--hit')) window.hit = 1`,
  markup: `document.getElementById('app').innerHTML = '<i>hit</i>'; window.hit = 1`,
  'an image from elsewhere': `const i = new Image(); i.onload = () => { window.hit = 1 }; i.src = 'http://127.0.0.1:9/x.png'`,
  'a request to elsewhere': `fetch('http://127.0.0.1:9/').then(() => { window.hit = 1 }, () => undefined)`,
  'a base for all addresses': `const b = document.createElement('base'); b.href = 'http://127.0.0.1:9/';
    document.head.append(b); if (!document.baseURI.startsWith(location.origin)) window.hit = 1`,
};

test.each(Object.entries(attacks))('the policy stops %s', async (_name, attack) => {
  const { page, close } = await openConsole(browser, api.url);
  onTestFinished(close);
  const violated = page.evaluate(`new Promise((resolve) =>
    document.addEventListener('securitypolicyviolation', (event) => resolve(event.effectiveDirective), { once: true }))`);
  await page.evaluate(`setTimeout(() => { ${attack} })`);
  expect(await violated).not.toBe('');
  expect(await page.evaluate('window.hit')).toBeUndefined();
});

test('the page cannot be framed', async () => {
  const { page, close } = await openConsole(browser, 'about:blank');
  onTestFinished(close);
  await page.setContent(`<iframe src="${api.url}"></iframe>`);
  await until('the browser puts its own page in place', () => page.frames()[1]?.url().startsWith('chrome-error:'));
  expect(await page.frames()[1]?.locator('form').count()).toBe(0);
});

test("from login to log out no request goes to another host, and the browser's console stays empty", async () => {
  const { page, problems, close } = await openConsole(browser, api.url);
  onTestFinished(close);
  await logIn(page);
  await userBox(page, OPERATOR).check();
  await page.locator('#content').fill('hello');
  await page.locator('#content').press('Control+Enter');
  await page.locator('.send.good').waitFor();
  await page.reload();
  await userBox(page, OPERATOR).waitFor();
  expect(problems).toEqual([]);
});

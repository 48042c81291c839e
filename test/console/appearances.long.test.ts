import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, test } from 'vitest';
import { sharedBrowser } from './support/browser.ts';
import { judgeEveryView, moreAppearances, startFullApi } from './support/every-view.ts';
import type { ScriptedApi } from './support/scripted-api.ts';
import { judgePhone, judgeSending, startApiOfThree } from './support/sending.ts';

let browser: Browser;
let api: ScriptedApi;
let apiOfThree: ScriptedApi;

beforeAll(async () => {
  browser = await sharedBrowser();
  api = await startFullApi();
  apiOfThree = await startApiOfThree();
});
afterAll(() => Promise.all([api.stop(), apiOfThree.stop()]));

test.each(moreAppearances)('axe finds nothing in any view, and nothing is too wide: $name', ({ options }) =>
  judgeEveryView(browser, api, options),
);

test('axe finds nothing while one logs in and sends: Chinese, light', () =>
  judgeSending(browser, apiOfThree, { locale: 'zh-CN', colorScheme: 'light' }));

test.each([
  { locale: 'en-US', colorScheme: 'light' },
  { locale: 'zh-CN', colorScheme: 'dark' },
] as const)('a phone of 360 px has no sideways scrolling: $locale, $colorScheme', (appearance) =>
  judgePhone(browser, apiOfThree, appearance),
);

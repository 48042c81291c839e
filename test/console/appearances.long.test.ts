import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, test } from 'vitest';
import { sharedBrowser } from './support/browser.ts';
import { judgeEveryView, moreAppearances, startFullApi } from './support/every-view.ts';
import type { ScriptedApi } from './support/scripted-api.ts';

let browser: Browser;
let api: ScriptedApi;

beforeAll(async () => {
  browser = await sharedBrowser();
  api = await startFullApi();
});
afterAll(() => api.stop());

test.each(moreAppearances)('axe finds nothing in any view, and nothing is too wide: $name', ({ options }) =>
  judgeEveryView(browser, api, options),
);

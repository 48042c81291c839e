import type { Browser, BrowserContextOptions } from 'playwright-core';
import { logIn, type OpenedPage, openConsole } from './browser.ts';
import type { ScriptedApi } from './scripted-api.ts';

/** The console, logged in, at the view that this part of the address names: it outlives the login. */
export async function logInAt(
  browser: Browser,
  api: Pick<ScriptedApi, 'url'>,
  place: string,
  options: BrowserContextOptions = {},
): Promise<OpenedPage> {
  const opened = await openConsole(browser, `${api.url}${place}`, options);
  await logIn(opened.page);
  await opened.page.locator('nav').waitFor();
  return opened;
}

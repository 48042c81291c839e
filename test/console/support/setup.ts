import type { BrowserContextOptions, Page } from 'playwright-core';
import { afterEach, beforeEach, expect } from 'vitest';
import { logInAt, type OpenedPage, openConsole, sharedBrowser } from './browser.ts';
import { type ScriptedApi, startScriptedApi } from './scripted-api.ts';

/** What a test of the console works with: an API and a browser profile of its own. */
interface ConsoleSetup {
  readonly api: ScriptedApi;
  /** The page that was opened last. */
  readonly page: Page;
  /** Opens the console at a view, before the login. */
  open(view?: string, options?: BrowserContextOptions): Promise<Page>;
  /** Opens the console at a view, logged in. */
  logInAt(view: string, options?: BrowserContextOptions): Promise<Page>;
}

/** Registers the set-up and the clean-up of each test in this file. A page that reports a problem fails its test. */
export function setUpConsole(prepare: (setup: ConsoleSetup) => void | Promise<void> = () => undefined): ConsoleSetup {
  let api: ScriptedApi;
  let opened: OpenedPage[] = [];
  const keep = (page: OpenedPage): Page => {
    opened.push(page);
    return page.page;
  };
  const setup: ConsoleSetup = {
    get api() {
      return api;
    },
    get page() {
      const last = opened.at(-1);
      if (last === undefined) throw new Error('no page is open');
      return last.page;
    },
    open: async (view = '', options) => keep(await openConsole(await sharedBrowser(), `${api.url}${view}`, options)),
    logInAt: async (view, options) => keep(await logInAt(await sharedBrowser(), api, view, options)),
  };
  beforeEach(async () => {
    opened = [];
    api = await startScriptedApi();
    await prepare(setup);
  });
  afterEach(async () => {
    await Promise.all(opened.map((page) => page.close()));
    await api.stop();
    expect(opened.flatMap(({ problems }) => problems)).toEqual([]);
  });
  return setup;
}

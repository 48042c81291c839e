import { type Browser, type BrowserContextOptions, chromium, type Locator, type Page } from 'playwright-core';
import { needs, provide } from '../../kit/needs.ts';
import { OPERATOR, PASSWORD } from './scripted-api.ts';

const VIEWPORT = { width: 1280, height: 800 };

let launched: Promise<Browser> | undefined;

/** The browser of all files that this process runs; it ends with the process. Every test opens a profile of its own. */
export function sharedBrowser(): Promise<Browser> {
  launched ??= launchBrowser();
  return launched;
}

/** The browser of the system, installed first where that is possible. */
export async function launchBrowser(): Promise<Browser> {
  const need = needs.find(({ area }) => area === 'console');
  if (!need) throw new Error('needs.ts names no browser');
  const provided = await provide(need, process.env, (line) => process.stderr.write(`${line}\n`));
  if (provided.state !== 'there') throw new Error(provided.why);
  return chromium.launch({
    executablePath: provided.path,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

export interface OpenedPage {
  readonly page: Page;
  /** What should never be: errors in the browser's console, uncaught exceptions, requests to another origin. */
  readonly problems: string[];
  close(): Promise<void>;
}

/** Pages of ordinary profiles that a test has left clean: a page costs more processor time than most tests of it. */
const idlePages = new WeakMap<Browser, Page[]>();

/**
 * The console in a browser profile that is as a fresh one, in English unless said otherwise. A profile with options of its
 * own, or with a clock of its own, is used once.
 */
export async function openConsole(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<OpenedPage> {
  const isOrdinary = Object.keys(options).length === 0;
  const page = (isOrdinary ? idlePages.get(browser)?.pop() : undefined) ?? (await newPage(browser, options));
  const problems: string[] = [];
  let hasOwnClock = false;
  const { clock } = page;
  const install = clock.install.bind(clock);
  clock.install = (...args) => {
    hasOwnClock = true;
    return install(...args);
  };
  page.on('console', (message) => {
    // Chromium notes every HTTP status from 400 on: those are answers that the page deals with.
    const isAnswer = message.text().startsWith('Failed to load resource');
    if (['error', 'warning'].includes(message.type()) && !isAnswer) problems.push(message.text());
  });
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('request', (request) => {
    const { origin, protocol } = new URL(request.url());
    if (origin !== new URL(url).origin && protocol !== 'data:') problems.push(`request to ${origin}`);
  });
  // The view where most is done, unless the test names another.
  await page.goto(url.includes('#') ? url : `${url}#/send`);
  const close = async (): Promise<void> => {
    clock.install = install;
    if (!isOrdinary || hasOwnClock || page.isClosed()) return page.context().close();
    await clean(page);
    idlePages.set(browser, [...(idlePages.get(browser) ?? []), page]);
  };
  return { page, problems, close };
}

async function newPage(browser: Browser, options: BrowserContextOptions): Promise<Page> {
  const context = await browser.newContext({ locale: 'en-US', viewport: VIEWPORT, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  return page;
}

/** Takes away what a test left in its page. Each API has a port, and so an origin, of its own; a port may come again. */
async function clean(page: Page): Promise<void> {
  page.removeAllListeners();
  await page.unrouteAll({ behavior: 'ignoreErrors' });
  if (page.url().startsWith('http')) await page.evaluate('localStorage.clear(); sessionStorage.clear()');
  await page.goto('about:blank');
  await page.context().clearCookies();
  await page.emulateMedia({ media: null, colorScheme: null, reducedMotion: null, forcedColors: null, contrast: null });
  await page.setViewportSize(VIEWPORT);
  await page.mouse.move(0, 0);
}

/** The console, logged in, at the view that this part of the address names. */
export async function logInAt(
  browser: Browser,
  api: { readonly url: string },
  view: string,
  options: BrowserContextOptions = {},
): Promise<OpenedPage> {
  const opened = await openConsole(browser, `${api.url}${view}`, options);
  await logIn(opened.page);
  await opened.page.locator('nav').waitFor();
  return opened;
}

export async function logIn(page: Page, userId = OPERATOR, password = PASSWORD): Promise<void> {
  await page.locator('input[name=username]').fill(userId);
  await page.locator('input[name=password]').fill(password);
  await page.locator('button[type=submit]').click();
}

export function userBox(page: Page, userId: string): Locator {
  return page.locator('.user', { has: page.getByText(userId, { exact: true }) }).getByRole('checkbox');
}

/** Writes the text and presses Control+Enter in it. */
export async function writeAndSend(page: Page, content: string): Promise<void> {
  await page.locator('#content').fill(content);
  await page.locator('#content').press('Control+Enter');
}

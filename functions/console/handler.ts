import { SECURITY_HEADERS } from '../http/headers.ts';
import { type Handler, serve } from '../http/serve.ts';
import { staticPage } from '../http/static-page.ts';
import type { Log } from '../runtime/log.ts';
import { staticEntry } from '../runtime/static-entry.ts';
import { renderConsole } from './document.ts';

/** GET / and GET /web/send-command: the console page, for anyone; the page gets its data from the API, with a token. */
export function createHandler({ log }: { log: Log }): Handler {
  const { html, contentSecurityPolicy } = renderConsole();
  const page = staticPage(html, {
    ...SECURITY_HEADERS,
    'content-type': 'text/html; charset=utf-8',
    // Browsers see a new version of the page at once; a version that they have is not sent again.
    'cache-control': 'no-cache',
    'content-security-policy': contentSecurityPolicy,
  });
  return serve(log, { 'GET /': page, 'GET /web/send-command': page });
}

export const handler = staticEntry(createHandler);

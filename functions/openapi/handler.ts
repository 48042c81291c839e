import { JSON_HEADERS } from '../http/headers.ts';
import { type Handler, serve } from '../http/serve.ts';
import { staticPage } from '../http/static-page.ts';
import type { Log } from '../runtime/log.ts';
import { staticEntry } from '../runtime/static-entry.ts';
import openApiDocument from './document.generated.json' with { type: 'json' };
import { answerWithoutRoute } from './no-route.ts';

const document = JSON.stringify(openApiDocument);

/** GET /openapi.json, and the response to requests without a route. */
export function createHandler({ log }: { log: Log }): Handler {
  return serve(log, {
    'GET /openapi.json': staticPage(document, { ...JSON_HEADERS, 'cache-control': 'no-cache' }),
    $default: answerWithoutRoute,
  });
}

export const handler = staticEntry(createHandler);

import { JSON_HEADERS } from '../shared/http/headers.ts';
import { type Document, type Handler, serve } from '../shared/http/serve.ts';
import { lambdaEntryWithoutStore } from '../shared/lambda-entry.ts';
import type { Log } from '../shared/log.ts';
import { openApiDocument } from './document.ts';
import { answerWithoutRoute } from './no-route.ts';

/** GET /openapi.json, and the answer to what no route takes. */
export function createHandler({ log }: { log: Log }): Handler {
  let document: Document | undefined;
  return serve(log, {
    'GET /openapi.json': () => {
      document ??= { document: JSON.stringify(openApiDocument()), headers: JSON_HEADERS };
      return document;
    },
    $default: answerWithoutRoute,
  });
}

export const handler = lambdaEntryWithoutStore(createHandler);

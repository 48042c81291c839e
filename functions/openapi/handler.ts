import { JSON_HEADERS } from '../shared/http/headers.ts';
import { type Handler, serve } from '../shared/http/serve.ts';
import { lambdaEntryWithoutStore } from '../shared/lambda-entry.ts';
import type { Log } from '../shared/log.ts';
import openApiDocument from './document.generated.json' with { type: 'json' };
import { answerWithoutRoute } from './no-route.ts';

const document = JSON.stringify(openApiDocument);

/** GET /openapi.json, and the answer to what no route takes. */
export function createHandler({ log }: { log: Log }): Handler {
  return serve(log, {
    'GET /openapi.json': () => ({ document, headers: JSON_HEADERS }),
    $default: answerWithoutRoute,
  });
}

export const handler = lambdaEntryWithoutStore(createHandler);

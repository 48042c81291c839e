import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { z } from 'zod';

/** In lower case, as in payload format 2.0: a header in another form would not be found. */
const headerName = z.string().refine((name) => name === name.toLowerCase());

const apiEvent = z.looseObject({
  version: z.literal('2.0'),
  routeKey: z.string(),
  rawPath: z.string(),
  headers: z.record(headerName, z.string()),
  queryStringParameters: z.record(z.string(), z.string()).optional(),
  pathParameters: z.record(z.string(), z.string()).optional(),
  body: z.string().optional(),
  isBase64Encoded: z.boolean(),
  requestContext: z.looseObject({
    requestId: z.string(),
    http: z.looseObject({ method: z.string(), sourceIp: z.string() }),
  }),
});

/** Returns whether an HTTP API invoked the function, and not a REST API (payload format 1.0) or a test event. */
export function isApiEvent(event: unknown): event is APIGatewayProxyEventV2 {
  return apiEvent.safeParse(event).success;
}

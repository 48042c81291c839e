import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { z } from 'zod';

/** In lower case, as payload format 2.0 has them: a header of another form would be one that is not there. */
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

/** Whether a function was invoked by an HTTP API: not by a REST API (payload format 1.0), nor with somebody's test event. */
export function isApiEvent(event: unknown): event is APIGatewayProxyEventV2 {
  return apiEvent.safeParse(event).success;
}

import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import type { z } from 'zod';
import { invalid } from './invalid.ts';

/** The query of a request as a type. Refuses with 400 when it is not of that shape. */
export function readQuery<Schema extends z.ZodType>(event: APIGatewayProxyEventV2, schema: Schema): z.output<Schema> {
  const result = schema.safeParse(event.queryStringParameters ?? {});
  if (!result.success) throw invalid(result.error);
  return result.data;
}

import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import type { z } from 'zod';
import { isJsonObject, parseJson } from '../../shared/raw-json.ts';
import { invalid } from './invalid.ts';
import { HttpRefusal, tooLarge } from './refusal.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });

/**
 * The body of a request, parsed once into a type. Its Content-Type is ignored: existing callers send any.
 * Refuses with 413 over `maxBytes`, and with 400 when it is not a JSON object of that shape.
 */
export function readBody<T>(
  event: APIGatewayProxyEventV2,
  maxBytes: number,
  check: (input: unknown) => z.ZodSafeParseResult<T>,
): T {
  const result = check(readJson(event, maxBytes));
  if (!result.success) throw invalid(result.error);
  return result.data;
}

/** Returns the body as a JSON object. */
export function readJson(event: APIGatewayProxyEventV2, maxBytes: number): Record<string, unknown> {
  const parsed = parse(bodyText(event, maxBytes));
  if (!isJsonObject(parsed)) throw new HttpRefusal(400, 'not_an_object');
  return parsed;
}

function bodyText(event: APIGatewayProxyEventV2, maxBytes: number): string {
  const body = event.body ?? '';
  const bytes = event.isBase64Encoded ? Math.floor((body.length * 3) / 4) - 2 : Buffer.byteLength(body);
  if (bytes > maxBytes) throw tooLarge('body', bytes, maxBytes);
  if (!event.isBase64Encoded) return body.startsWith('\uFEFF') ? body.slice(1) : body;
  try {
    return utf8.decode(Buffer.from(body, 'base64'));
  } catch {
    throw new HttpRefusal(400, 'bad_utf8');
  }
}

function parse(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    throw new HttpRefusal(400, 'bad_json');
  }
}

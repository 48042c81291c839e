import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { isJsonObject } from '../../shared/raw-json.ts';

/**
 * Returns whether an HTTP API invoked the function, and not a REST API (payload format 1.0) or a test event. By hand, not by
 * a schema: the functions that serve a page do not use the schema library otherwise.
 */
export function isApiEvent(event: unknown): event is APIGatewayProxyEventV2 {
  if (!isJsonObject(event) || !isJsonObject(event.requestContext) || !isJsonObject(event.requestContext.http))
    return false;
  const { requestContext } = event;
  const http: Record<string, unknown> = isJsonObject(requestContext.http) ? requestContext.http : {};
  return (
    event.version === '2.0' &&
    [event.routeKey, event.rawPath, requestContext.requestId, http.method, http.sourceIp].every(isText) &&
    [event.body].every(isTextOrAbsent) &&
    typeof event.isBase64Encoded === 'boolean' &&
    isTexts(event.headers) &&
    // In lower case, as in payload format 2.0: a header in another form would not be found.
    Object.keys(event.headers).every((name) => name === name.toLowerCase()) &&
    [event.queryStringParameters, event.pathParameters].every((texts) => texts === undefined || isTexts(texts))
  );
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isTextOrAbsent(value: unknown): boolean {
  return value === undefined || isText(value);
}

function isTexts(value: unknown): value is Record<string, string> {
  return isJsonObject(value) && Object.values(value).every(isText);
}

import { SECURITY_HEADERS } from '../http/headers.ts';
import { HttpRefusal } from '../http/refusal.ts';
import type { ApiRequest, Document } from '../http/serve.ts';
import { routes } from '../routes.ts';

/** Requests without a route: OPTIONS of an existing path, 405 for its other methods, else 404. */
export function answerWithoutRoute({ event }: ApiRequest): Document {
  const allow = methodsOf(event.rawPath);
  if (allow.length === 0) throw new HttpRefusal(404, 'no_such_route');
  const headers = { allow: [...allow, 'OPTIONS'].join(', ') };
  if (event.requestContext.http.method !== 'OPTIONS') throw new HttpRefusal(405, 'method_not_allowed', { headers });
  // No Access-Control headers: pages of other origins are not allowed.
  return { document: '', status: 204, headers: { ...SECURITY_HEADERS, ...headers } };
}

function methodsOf(path: string): string[] {
  const segments = path.split('/');
  const methods = routes.filter((route) => isMatch(route.path.split('/'), segments)).map(({ method }) => method);
  return [...new Set<string>(methods)];
}

function isMatch(pattern: readonly string[], segments: readonly string[]): boolean {
  return (
    pattern.length === segments.length &&
    pattern.every((part, at) => part === segments[at] || (part.startsWith('{') && segments[at] !== ''))
  );
}

import findMyWay from 'find-my-way';
import { type FunctionName, fallbackFunction, routes } from '../../functions/routes.ts';

export interface Match {
  readonly function: FunctionName;
  readonly routeKey: string;
  readonly pathParameters: Readonly<Record<string, string>> | undefined;
}

/** An encoded id of the maximum length: 128 characters, each up to 4 bytes as %XX. */
const MAX_PARAM_LENGTH = 2_048;

type Find = (method: string, path: string) => Match;

/** Matches as API Gateway does: exact paths, no trailing slash, `$default` for the rest. Unlike API Gateway, HEAD is answered as GET. */
export function createRouter(): Find {
  const router = findMyWay({ maxParamLength: MAX_PARAM_LENGTH });
  for (const route of routes) {
    const path = route.path.replaceAll(/\{(\w+)\}/g, ':$1');
    router.on(route.method, path, () => undefined, route);
  }
  const fallback: Match = { function: fallbackFunction, routeKey: '$default', pathParameters: undefined };

  return (method, path) => {
    const asked = method === 'HEAD' ? 'GET' : method;
    if (asked !== 'GET' && asked !== 'POST' && asked !== 'PUT' && asked !== 'DELETE') return fallback;
    const found = router.find(asked, path);
    if (found === null) return fallback;
    const route: (typeof routes)[number] = found.store;
    const parameters = Object.entries(found.params).map(([name, value]) => [name, value ?? ''] as const);
    return {
      function: route.function,
      routeKey: `${route.method} ${route.path}`,
      pathParameters: parameters.length === 0 ? undefined : Object.fromEntries(parameters),
    };
  };
}

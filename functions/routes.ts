/** The function of each route of the HTTP API: read by the deployment, the local API and the OpenAPI document. */
export const routes = [
  { method: 'POST', path: '/login', function: 'login' },
  { method: 'POST', path: '/api/v1100/login', function: 'login' },
  { method: 'POST', path: '/logout', function: 'logout' },
  { method: 'POST', path: '/send-command', function: 'send-command' },
  { method: 'POST', path: '/web/send-command', function: 'send-command' },
  { method: 'GET', path: '/', function: 'console' },
  { method: 'GET', path: '/web/send-command', function: 'console' },
  { method: 'GET', path: '/commands', function: 'commands' },
  { method: 'GET', path: '/commands/{id}', function: 'commands' },
  { method: 'DELETE', path: '/commands', function: 'commands' },
  { method: 'DELETE', path: '/commands/{id}', function: 'commands' },
  { method: 'GET', path: '/users', function: 'users' },
  { method: 'POST', path: '/users', function: 'users' },
  { method: 'GET', path: '/users/{phone_number}', function: 'users' },
  { method: 'DELETE', path: '/users/{phone_number}', function: 'users' },
  { method: 'PUT', path: '/users/{phone_number}/password', function: 'users' },
  { method: 'POST', path: '/users/{phone_number}/token', function: 'users' },
  { method: 'GET', path: '/users/{phone_number}/timeline', function: 'commands' },
  { method: 'GET', path: '/users/{phone_number}/messages', function: 'users' },
  { method: 'DELETE', path: '/users/{phone_number}/messages', function: 'users' },
  { method: 'DELETE', path: '/users/{phone_number}/session', function: 'users' },
  { method: 'DELETE', path: '/users/{phone_number}/token', function: 'users' },
  { method: 'DELETE', path: '/users/{phone_number}/messages/{id}', function: 'users' },
  { method: 'GET', path: '/groups', function: 'groups' },
  { method: 'GET', path: '/groups/{name}/members', function: 'groups' },
  { method: 'PUT', path: '/groups/{name}/members', function: 'groups' },
  { method: 'DELETE', path: '/groups/{name}', function: 'groups' },
  { method: 'GET', path: '/stats', function: 'stats' },
  { method: 'GET', path: '/stats/history', function: 'stats' },
  { method: 'GET', path: '/tail', function: 'stats' },
  { method: 'GET', path: '/dead-letters', function: 'dead-letters' },
  { method: 'POST', path: '/dead-letters/{id}/retry', function: 'dead-letters' },
  { method: 'DELETE', path: '/dead-letters/{id}', function: 'dead-letters' },
  { method: 'POST', path: '/service-tokens', function: 'tokens' },
  { method: 'GET', path: '/service-tokens', function: 'tokens' },
  { method: 'DELETE', path: '/service-tokens/{id}', function: 'tokens' },
  { method: 'GET', path: '/audit', function: 'commands' },
  { method: 'GET', path: '/openapi.json', function: 'openapi' },
] as const;

type Route = (typeof routes)[number];
export type FunctionName = Route['function'];
/** As API Gateway names a route in `routeKey`. */
export type RouteKey = Route extends infer R ? (R extends Route ? `${R['method']} ${R['path']}` : never) : never;

/** Handles requests that match no route (`$default`): 404, and 405 where the path has other methods. */
export const fallbackFunction = 'openapi' satisfies FunctionName;

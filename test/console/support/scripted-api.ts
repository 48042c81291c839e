import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { renderConsole } from '../../../functions/console/document.ts';

/** The console before an API that says what a test wants it to: answers a real one gives only in bad times. */
export interface ScriptedApi {
  /** Of the page. */
  readonly url: string;
  readonly requests: ScriptedRequest[];
  users: ScriptedUser[];
  /** As GET /commands, /dead-letters and /service-tokens answer them. */
  commands: object[];
  letters: ScriptedLetter[];
  tokens: ScriptedToken[];
  /** Who may use the console. */
  readonly operators: string[];
  /** Answers this route from now on, in place of the ordinary answer. Undefined: the ordinary one again. */
  answer(route: string, scripted: ScriptedAnswer | undefined): void;
  requestsOf(route: string): ScriptedRequest[];
  stop(): Promise<void>;
}

interface ScriptedRequest {
  readonly route: string;
  readonly url: URL;
  readonly headers: IncomingMessage['headers'];
  readonly body: unknown;
  readonly text: string;
}

interface ScriptedUser {
  phone_number: string;
  role?: string;
  online: boolean;
  connected_at?: number;
  last_seen?: number;
}

interface ScriptedLetter {
  id: string;
  entry: string;
  reason: string | null;
  chat_to?: string[];
}

interface ScriptedToken {
  id: string;
  name: string;
  scopes: string[];
  recipients?: string[];
}

export interface Answered {
  readonly status: number;
  /** A text is sent as it is. */
  readonly body: object | string;
  readonly headers?: Record<string, string>;
}

/** `reset` breaks the connection off without a response. */
type ScriptedAnswer = 'reset' | ((request: ScriptedRequest) => Answered | Promise<Answered>);

export const OPERATOR = '13764408552';
export const PASSWORD = '123456';

export async function startScriptedApi(): Promise<ScriptedApi> {
  const scripted = new Map<string, ScriptedAnswer>();
  const requests: ScriptedRequest[] = [];
  const api = {
    users: [] as ScriptedUser[],
    commands: [] as object[],
    letters: [] as ScriptedLetter[],
    tokens: [] as ScriptedToken[],
    operators: [OPERATOR],
  };
  const server = createServer((incoming, response) => {
    void text(incoming).then(async (sent) => {
      const body: unknown = sent === '' ? undefined : JSON.parse(sent);
      const url = new URL(incoming.url ?? '/', 'http://localhost');
      const path = url.pathname
        .replace(/^\/(commands|users|groups|dead-letters|service-tokens)\/[^/]+/, '/$1/{id}')
        .replace(/\/messages\/[^/]+$/, '/messages/{id}');
      const route = `${incoming.method} ${path}`;
      if (route === 'GET /' || route === 'GET /web/send-command') return sendPage(response);
      const request = { route, url, headers: incoming.headers, body, text: sent };
      requests.push(request);
      const answer = scripted.get(route);
      if (answer === 'reset') return incoming.socket.destroy();
      const { status, body: answered, headers } = answer ? await answer(request) : ordinary(request, api);
      response
        .writeHead(status, { 'content-type': 'application/json', ...headers })
        .end(typeof answered === 'string' ? answered : JSON.stringify(answered));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  return Object.assign(api, {
    url: `http://127.0.0.1:${port}/web/send-command`,
    requests,
    answer: (route: string, answer: ScriptedAnswer | undefined) => {
      if (answer) scripted.set(route, answer);
      else scripted.delete(route);
    },
    requestsOf: (route: string) => requests.filter((request) => request.route === route),
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  });
}

/** `{code: 1}` with these members. */
export function done(members: object = {}) {
  return { status: 200, body: { code: 1, message: 'done', ...members } };
}

export function refused(status: number, message: string, headers: Record<string, string> = {}): Answered {
  return { status, body: { code: 0, error: 'scripted', message }, headers };
}

function ordinary(
  { route, url, headers, body }: ScriptedRequest,
  api: Pick<ScriptedApi, 'users' | 'operators' | 'commands' | 'letters' | 'tokens'>,
): Answered {
  const { users, operators, commands, letters } = api;
  if (route === 'POST /login') {
    const { phone_number, password } = body as { phone_number: string; password: string };
    return password === PASSWORD
      ? done({ token: `token.${phone_number}`, expires_at: 4_000_000_000 })
      : refused(401, 'wrong');
  }
  if (!headers.authorization) return refused(401, 'no token');
  if (route === 'POST /logout') return done();
  if (!operators.some((id) => headers.authorization === `Bearer token.${id}`)) return refused(403, 'not an operator');
  if (route === 'GET /stats')
    return done({
      connected: users.filter(isOnline).length,
      queue: { waiting: 0, dead: letters.length },
      gateways: [{ id: 'a', live: true }],
    });
  if (route === 'GET /stats/history') return done(emptyHistory());
  if (route === 'GET /tail') return done({ lines: [], skipped: 0, cursor: '0-0_0-0' });
  if (route === 'GET /users') return pageOf(users, url.searchParams);
  if (route === 'POST /users') {
    const { phone_number, role } = body as ScriptedUser;
    if (users.some((user) => user.phone_number === phone_number))
      return refused(409, 'there is a user with this id already');
    api.users = [...users, { phone_number, ...(role === undefined ? {} : { role }), online: false }];
    return done();
  }
  if (route === 'POST /send-command') return sent(body as { chat_to?: string | string[] }, users);
  if (route === 'GET /commands') return done({ commands, cursor: null });
  return ofOne(route, decodeURIComponent(url.pathname.split('/')[2] ?? ''), body, api);
}

/** Routes that read or change one of the things that there are. */
function ofOne(
  route: string,
  id: string,
  body: unknown,
  api: Pick<ScriptedApi, 'users' | 'letters' | 'tokens'>,
): Answered {
  const { users, letters, tokens } = api;
  const user = users.find(({ phone_number }) => phone_number === id);
  if (route === 'GET /users/{id}') return user ? done(detailOf(user)) : refused(404, 'there is no such user');
  if (route === 'DELETE /users/{id}/session' || route === 'DELETE /users/{id}/token') {
    api.users = users.map((one) => (one === user ? { ...one, online: false } : one));
    return done({ disconnected: user?.online ?? false });
  }
  if (route === 'DELETE /users/{id}') {
    api.users = users.filter((one) => one !== user);
    return user ? done() : refused(404, 'there is no such user');
  }
  if (route === 'GET /users/{id}/timeline') return done({ entries: [], events_since: null });
  if (route === 'POST /users/{id}/token') return done({ token: 'device.secret', expires_at: null });
  if (route === 'PUT /users/{id}/password' || route === 'DELETE /users/{id}/messages/{id}') return done();
  if (route === 'DELETE /users/{id}/messages') return done({ deleted: 21 });
  if (route === 'GET /dead-letters')
    return done({ letters: letters.map(letterOf), total: letters.length, cursor: null });
  if (route === 'POST /dead-letters/{id}/retry' || route === 'DELETE /dead-letters/{id}') {
    if (!letters.some((letter) => letter.id === id))
      return refused(404, 'there is no such dead letter: it may have been retried or deleted');
    api.letters = letters.filter((letter) => letter.id !== id);
    return done();
  }
  if (route === 'GET /service-tokens') return done({ tokens: tokens.map(tokenOf) });
  if (route === 'POST /service-tokens') {
    api.tokens = [...tokens, { id: 'f'.repeat(24), ...(body as Omit<ScriptedToken, 'id'>) }];
    return done({ id: 'f'.repeat(24), token: 'fts_secret', expires_at: 4_000_000_000 });
  }
  if (route !== 'DELETE /service-tokens/{id}') return refused(404, 'no such route');
  api.tokens = tokens.filter((token) => token.id !== id);
  return done();
}

function detailOf(user: ScriptedUser): object {
  return {
    ...user,
    gateway: user.online ? 'g-1' : null,
    session: user.online ? { epoch: 3, acknowledges: true } : null,
    token: { expires_at: 4_000_000_000 },
    mailbox: 21,
    messages: [{ id: '1838431748728832', command_id: 2001, sent_at: 1_795_343_504_645, expires_at: 4_000_000_000_000 }],
    lost: 2,
  };
}

function letterOf({ id, entry, reason, chat_to }: ScriptedLetter): object {
  const at = 1_795_343_504_645;
  return { id, entry, bytes: entry.length, encoding: 'utf8', reason, at, chat_to: chat_to ?? null };
}

function tokenOf({ recipients, ...token }: ScriptedToken): object {
  const made = { created_by: OPERATOR, created_at: 1_795_343_504_645, expires_at: 4_000_000_000 };
  return { ...token, recipients: recipients ?? null, ...made };
}

/** As the API: by place without a search, and behind a user (`cursor`) with one. */
function pageOf(users: readonly ScriptedUser[], query: URLSearchParams): Answered {
  const contains = query.get('contains')?.toLowerCase();
  const isSearch = contains !== undefined || query.has('online');
  const found = users.filter(
    (user) => user.phone_number.toLowerCase().includes(contains ?? '') && (!query.has('online') || user.online),
  );
  const after = found.findIndex((user) => user.phone_number === query.get('cursor')) + 1;
  const from = after + Number(query.get('offset') ?? 0);
  const page = found.slice(from, from + Number(query.get('limit') ?? 100));
  const hasMore = from + page.length < found.length;
  return done({
    users: page,
    cursor: hasMore ? (page.at(-1)?.phone_number ?? null) : null,
    total: isSearch || after > 0 ? null : found.length,
  });
}

function emptyHistory(): object {
  const nothing = Array.from({ length: 60 }, () => null);
  const columns = { clients: nothing, gateways: nothing, delivered_per_s: nothing, p50_ms: nothing, p95_ms: nothing };
  return { from: Math.floor(Date.now() / 60_000) * 60 - 3_600, step_s: 60, ...columns };
}

function sent({ chat_to }: { chat_to?: string | string[] }, users: readonly ScriptedUser[]): Answered {
  const known = new Map(users.map((user) => [user.phone_number, user]));
  const ids = chat_to === undefined ? users.filter(isOnline).map((user) => user.phone_number) : [chat_to].flat();
  const online = ids.filter((id) => known.get(id)?.online).length;
  const unknown = ids.filter((id) => !known.has(id)).length;
  return done({ id: '1000', recipients: { online, stored: ids.length - online - unknown, unknown } });
}

function isOnline(user: ScriptedUser): boolean {
  return user.online;
}

function sendPage(response: ServerResponse): void {
  const { html, contentSecurityPolicy } = renderConsole();
  response.writeHead(200, {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': contentSecurityPolicy,
  });
  response.end(html);
}

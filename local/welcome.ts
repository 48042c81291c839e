import { DEMO_PASSWORD, DEMO_USERS, type DemoUser } from './demo-users.ts';
import type { StartSettings } from './settings.ts';

const namesOf = (users: readonly DemoUser[]): string =>
  users.map(({ userId, role }) => (role === 'operator' ? `${userId} (may send)` : userId)).join(', ');

/** Whether gateways with this environment speak TLS. */
export function hasTls(env: NodeJS.ProcessEnv): boolean {
  return Boolean(env.TLS_CERT_FILE || env.TLS_SECRET_ARN);
}

/** The text that `npm start` prints once everything is ready: the addresses, and the next steps. */
export function welcome(
  settings: StartSettings,
  started: {
    redis?: { url: string; describe: string };
    api?: { url: string };
    gateways: readonly { port: number }[];
    upstream?: { url: string };
  },
  tookMs: number,
  isTls: boolean,
): string {
  const { host } = settings.gateway;
  const [first] = started.gateways;
  const api = started.api?.url ?? '';
  const [someone, operator] = DEMO_USERS;
  return [
    '',
    `fronttcp is ready (${(tookMs / 1_000).toFixed(1)} s)`,
    '',
    `  Console    ${api}/web/send-command`,
    `  HTTP API   ${api}   (${api}/openapi.json)`,
    ...started.gateways.map(
      ({ port }, i) => `  ${i === 0 ? 'Gateway ' : '        '}   ${host}:${port}   (${isTls ? 'TLS' : 'TCP'})`,
    ),
    ...(started.upstream
      ? [`  Upstream   ${settings.upstream}   (${started.upstream.url}; commands 1000-1999 and session events)`]
      : []),
    `  Redis      ${started.redis?.url ?? ''}   (${started.redis?.describe ?? ''})`,
    '',
    `  Users      ${namesOf(DEMO_USERS.slice(0, 3))}`,
    `             ${namesOf(DEMO_USERS.slice(3))}`,
    `  Password   ${DEMO_PASSWORD}`,
    '',
    'Try it:',
    `  1. In another terminal:  npx fronttcp login ${someone.userId}${settings.api.port === 3_000 ? '' : ` --api ${api}`}`,
    `                           npx fronttcp connect${first?.port === 8_124 ? '' : ` --port ${first?.port ?? ''}`}`,
    ...(isTls ? ['     With a certificate of your own, before: export NODE_EXTRA_CA_CERTS=<its file>'] : []),
    `  2. Open the console, log in as ${operator.userId}, and send a message to ${someone.userId}.`,
    '',
    'Ctrl-C stops everything.',
    '',
  ].join('\n');
}

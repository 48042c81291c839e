import { Command } from 'commander';
import { loginAnswer } from '../../functions/login/schema.ts';
import { Api } from '../support/api.ts';
import { contextOf } from '../support/context.ts';
import { isLoopback } from '../support/local-system.ts';
import { wholeNumber } from '../support/numbers.ts';
import { time, unixMs } from '../support/output.ts';
import { readPassword } from '../support/password.ts';

interface LoginOptions {
  passwordStdin?: boolean;
  printToken?: boolean;
  host?: string;
  port?: number;
  tls?: boolean;
}

export function loginCommand(): Command {
  return new Command('login')
    .description('log in, and keep the token for the other commands')
    .argument('<user id>')
    .option('--password-stdin', 'read the password from standard input')
    .option('--print-token', 'print the token instead of keeping it')
    .option('--host <host>', 'the gateway that belongs to this API, for `connect`')
    .option('--port <port>', 'its port', wholeNumber(1, 65_535))
    .option('--tls', 'it speaks TLS')
    .addHelpText(
      'after',
      `
Examples:
  $ fronttcp login 13764408552
  $ fronttcp login 13764408552 --api https://api.example.com --host tcp.example.com
  $ export FRONTTCP_TOKEN=$(fronttcp login 13764408552 --password-stdin --print-token < password.txt)`,
    )
    .action(logIn);
}

async function logIn(phoneNumber: string, options: LoginOptions, command: Command): Promise<void> {
  const { output, credentials, apiUrl } = await contextOf(command);
  const { protocol, hostname } = new URL(apiUrl);
  if (protocol === 'http:' && !isLoopback(hostname)) {
    output.warn(`${apiUrl} is not encrypted: the password can be read on the way`);
  }
  const password = await readPassword(`Password of ${phoneNumber}: `, options.passwordStdin ?? false);
  const api = new Api(apiUrl, undefined);
  const body = { phone_number: phoneNumber, password };
  const { token, expires_at } = await api.call('POST', '/login', loginAnswer, { body });
  if (options.printToken) {
    output.result({ phone_number: phoneNumber, token, expires_at: unixMs(expires_at) }, token);
    return;
  }
  // Another host is another gateway: its port and TLS are not those of the one before.
  const known = options.host === undefined ? await credentials.get(apiUrl) : undefined;
  const { host, port, tls } = { ...known, ...options };
  const gateway = { ...(host ? { host } : {}), ...(port ? { port } : {}), ...(tls ? { tls } : {}) };
  await credentials.put(apiUrl, { phone_number: phoneNumber, token, expires_at, ...gateway });
  output.result(
    { phone_number: phoneNumber, api: apiUrl, expires_at: unixMs(expires_at) },
    `Logged in at ${apiUrl} as ${phoneNumber}, until ${time(unixMs(expires_at))}.`,
  );
  output.note(`The token is in ${credentials.path}. Try: fronttcp connect`);
}

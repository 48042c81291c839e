import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Command } from 'commander';
import { loginAnswer } from '../../functions/login/schema.ts';
import { sentAnswer } from '../../functions/send-command/schema.ts';
import { connect } from '../../sdk/client/connect.ts';
import { Api } from '../support/api.ts';
import { type DeployedStack, outputOf, readStack } from '../support/aws.ts';
import { contextOf } from '../support/context.ts';
import { ExitCode, Failure } from '../support/failure.ts';
import { readPassword } from '../support/password.ts';
import { awaitDelivery, type ReceiptAnswer, receiptText } from '../support/receipt.ts';
import type { Store } from '../support/store.ts';
import { addUser, issueToken } from '../support/users.ts';

const DEVICE_TOKEN_SECONDS = 3_600;
const DELIVERY_MS = 15_000;

interface SetupOptions {
  stack: string;
  operator: string;
  device: string;
  passwordStdin?: boolean;
}

export function setupCommand(): Command {
  return new Command('setup')
    .description('after a deployment: make the operator and a demo device, log in, send, and print the receipt')
    .requiredOption('--stack <name>', 'the stack that `cdk deploy` put up')
    .option('--operator <user id>', 'the user id of the operator', 'operator')
    .option('--device <user id>', 'the user id of the demo device', 'demo-device')
    .option('--password-stdin', "read the operator's password from standard input")
    .addHelpText(
      'after',
      `
Reads the outputs of the stack with the AWS command line, so it needs your AWS credentials. You may run it again: existing users
are not changed.

Example:
  $ fronttcp setup --stack FrontTcp`,
    )
    .action(setUp);
}

async function setUp(options: SetupOptions, command: Command): Promise<void> {
  const { output, credentials } = await contextOf(command);
  const stack = await readStack(options.stack);
  const apiUrl = outputOf(stack, 'ApiUrl').replace(/\/+$/, '');
  const gateway = gatewayOf(stack);
  output.note(`The stack ${stack.name} is in ${stack.region}: ${apiUrl}, ${gateway.host}:${gateway.port}.`);

  const password = await readPassword(`Password of the operator ${options.operator}: `, options.passwordStdin ?? false);
  const store = await storeOf(stack);
  let token: string;
  try {
    await ensureUser(store, options.operator, password, true);
    output.note(`The operator ${options.operator} is there.`);
    await ensureUser(store, options.device, randomBytes(24).toString('base64url'), false);
    token = (await issueToken(store, options.device, DEVICE_TOKEN_SECONDS)).token;
    output.note(`The demo device ${options.device} is there.`);
  } finally {
    await store.redis.close();
  }

  const body = { phone_number: options.operator, password };
  const login = await new Api(apiUrl, undefined).call('POST', '/login', loginAnswer, { body });
  const { expires_at } = login;
  await credentials.put(apiUrl, { phone_number: options.operator, token: login.token, expires_at, ...gateway });
  output.note(`Logged in. The token is in ${credentials.path}.`);

  const receipt = await sendToDevice(new Api(apiUrl, login.token), { ...gateway, phoneNumber: options.device, token });
  output.result({ stack: stack.name, region: stack.region, api: apiUrl, gateway, receipt }, receiptText(receipt));
  const isDelivered = receipt.recipients.every(({ state }) => state === 'acknowledged');
  if (isDelivered) {
    output.note(`Everything works. Go on: fronttcp send --to ${options.device} "Hello" --receipt`);
    return;
  }
  throw new Failure(
    ExitCode.failed,
    'the device has not acknowledged the message',
    `Look at the deployment: fronttcp doctor --stack ${stack.name}`,
  );
}

interface GatewayAddress {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
}

function gatewayOf(stack: DeployedStack): GatewayAddress {
  const endpoint = outputOf(stack, 'TcpEndpoint');
  const at = endpoint.lastIndexOf(':');
  return {
    host: endpoint.slice(0, at),
    port: Number(endpoint.slice(at + 1)),
    tls: stack.outputs.get('TcpTls') === 'true',
  };
}

/** The import is here: the AWS SDK would double the start-up time of every other command. */
async function storeOf(stack: DeployedStack): Promise<Store> {
  const { connectRelay } = await import('../support/relay.ts');
  return connectRelay(outputOf(stack, 'RelayFunction'), stack.region);
}

async function ensureUser(store: Store, userId: string, password: string, isOperator: boolean): Promise<void> {
  const isThere = (await store.redis.command('HEXISTS', store.keys.user(userId), 'password')) === 1;
  if (!isThere) await addUser(store, userId, { password, isOperator, replace: false });
}

async function sendToDevice(
  api: Api,
  device: GatewayAddress & { readonly phoneNumber: string; readonly token: string },
): Promise<ReceiptAnswer> {
  const client = await connect({ ...device, reconnect: false }).catch((error: unknown) => {
    const why = error instanceof Error ? error.message : String(error);
    throw new Failure(
      ExitCode.unreachable,
      `the demo device could not connect to ${device.host}:${device.port}: ${why}`,
      'A new load balancer takes some minutes until its name is known. Then: fronttcp doctor --stack <name>',
    );
  });
  try {
    const message = once(client, 'message', { signal: AbortSignal.timeout(DELIVERY_MS) }).catch(() => undefined);
    const body = { command_id: 102, chat_to: device.phoneNumber, content: 'Hello from fronttcp setup', receipt: true };
    const { id } = await api.call('POST', '/send-command', sentAnswer, { body });
    await message;
    return await awaitDelivery(api, id, DELIVERY_MS);
  } finally {
    await client.close();
  }
}

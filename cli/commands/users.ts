import { Command, Option } from 'commander';
import { z } from 'zod';
import { clearedAnswer, disconnectedAnswer, userDetailAnswer } from '../../functions/users/schema.ts';
import { apiOf, contextOf } from '../support/context.ts';
import { defaultTo } from '../support/default-command.ts';
import { wholeNumber } from '../support/numbers.ts';
import { printable, styled, table, time, unixMs } from '../support/output.ts';
import { readPassword } from '../support/password.ts';
import { type ListedUser, pagesOfUsers, type WantedUsers } from '../support/recipients.ts';
import { withStore } from '../support/store.ts';
import { addUser, issueToken, removeUser } from '../support/users.ts';

export function usersCommand(): Command {
  return defaultTo(new Command('users'), listCommand())
    .description('the users that may connect and send')
    .addCommand(showCommand())
    .addCommand(addCommand())
    .addCommand(tokenCommand())
    .addCommand(disconnectCommand())
    .addCommand(dropMessageCommand())
    .addCommand(clearMessagesCommand())
    .addCommand(removeCommand())
    .addHelpText(
      'after',
      `
list, show, disconnect, drop-message and clear-messages ask the HTTP API, as an operator. add, token and remove work on Redis itself, so that you can
make the first operator: the Redis of REDIS_URL, REDIS_CLUSTER and REDIS_KEY_PREFIX, of UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN, or
of the \`fronttcp dev\` that runs in this folder.`,
    );
}

function listCommand(): Command {
  return new Command('list')
    .description('users with their presence')
    .option('--prefix <text>', 'only ids that begin with it')
    .option('--contains <text>', 'only ids that contain it, in either case')
    .option('--online', 'only connected users')
    .option('--limit <number>', 'the maximum number of rows', wholeNumber(1, 1_000_000), 100)
    .addHelpText(
      'after',
      '\nExamples:\n  $ fronttcp users list\n  $ fronttcp users list --prefix 135 --json\n  $ fronttcp users list --contains pump --online',
    )
    .action(async ({ limit, ...wanted }: { limit: number } & WantedUsers, command: Command) => {
      const context = await contextOf(command);
      const api = await apiOf(context);
      const users: ListedUser[] = [];
      let cursor: string | null = null;
      for await (const page of pagesOfUsers(api, { ...wanted, limit })) {
        users.push(...page.users);
        cursor = page.cursor;
      }
      const rows = users.map(({ phone_number, role, online, last_seen }) => [
        printable(phone_number),
        online ? styled('green', 'online') : 'away',
        role ?? '-',
        time(last_seen),
      ]);
      const text = table(['USER ID', 'STATE', 'ROLE', 'SINCE'], rows);
      context.output.result({ users, cursor }, users.length === 0 ? 'There is no such user.' : text);
      if (cursor !== null) context.output.note(`There are more: --limit ${limit * 10}`);
    });
}

function showCommand(): Command {
  return new Command('show')
    .description('one user')
    .argument('<user id>')
    .addHelpText('after', '\nExample:\n  $ fronttcp users show 13565208554')
    .action(async (phoneNumber: string, _options: object, command: Command) => {
      const context = await contextOf(command);
      const api = await apiOf(context);
      const ifMissing = missing(phoneNumber);
      const path = `/users/${encodeURIComponent(phoneNumber)}`;
      const user = await api.call('GET', path, userDetailAnswer, { ifMissing });
      const rows = [
        ['user id', printable(user.phone_number)],
        ['state', user.online ? styled('green', 'online') : 'away'],
        ['role', user.role ?? '-'],
        ['gateway', user.gateway ?? '-'],
        ['connected', time(user.connected_at)],
        ['last seen', time(user.last_seen)],
        ['in the mailbox', String(user.mailbox)],
        ['lost', String(user.lost)],
      ];
      const token = user.token && { expires_at: unixMs(user.token.expires_at) };
      context.output.result({ ...user, token }, table(['WHAT', 'VALUE'], rows));
    });
}

function addCommand(): Command {
  return new Command('add')
    .description('add a user that can log in')
    .argument('<user id>', 'any text: a name, a serial number, a phone number')
    .addOption(new Option('--role <role>', 'what the user may do').choices(['user', 'operator']).default('user'))
    .option('--password-stdin', 'read the password from standard input')
    .option('--replace', 'set role and password of an existing user')
    .addHelpText(
      'after',
      `
Examples:
  $ fronttcp users add 13764408552 --role operator
  $ pwgen 20 1 | tee password.txt | fronttcp users add device-1 --password-stdin`,
    )
    .action(
      async (
        phoneNumber: string,
        options: { role: 'user' | 'operator'; passwordStdin?: boolean; replace?: boolean },
        command: Command,
      ) => {
        const { output } = await contextOf(command);
        const { role, passwordStdin = false, replace = false } = options;
        await withStore(async (store) => {
          const password = await readPassword(`New password of ${phoneNumber}: `, passwordStdin);
          await addUser(store, phoneNumber, { password, isOperator: role === 'operator', replace });
        });
        const what = role === 'operator' ? 'the operator' : 'the user';
        output.result({ phone_number: phoneNumber, role }, `Added ${what} ${phoneNumber}.`);
      },
    );
}

function tokenCommand(): Command {
  return new Command('token')
    .description('issue a token without a password; it replaces the older one')
    .argument('<user id>')
    .option(
      '--ttl <seconds>',
      'how long it is valid; 0: until it is replaced',
      wholeNumber(0, 3_153_600_000),
      2_592_000,
    )
    .addHelpText('after', '\nExample:\n  $ export FRONTTCP_TOKEN=$(fronttcp users token device-1 --ttl 0)')
    .action(async (phoneNumber: string, { ttl }: { ttl: number }, command: Command) => {
      const { output } = await contextOf(command);
      const { token, expiresAt } = await withStore((store) => issueToken(store, phoneNumber, ttl));
      output.result({ phone_number: phoneNumber, token, expires_at: unixMs(expiresAt) }, token);
    });
}

function disconnectCommand(): Command {
  return new Command('disconnect')
    .description('close the connection, on any gateway; the client may reconnect')
    .argument('<user id>')
    .option('--revoke', 'revoke the token too: the user has to log in again')
    .addHelpText(
      'after',
      '\nExamples:\n  $ fronttcp users disconnect device-1\n  $ fronttcp users disconnect device-1 --revoke',
    )
    .action(async (phoneNumber: string, { revoke = false }: { revoke?: boolean }, command: Command) => {
      const context = await contextOf(command);
      const path = `/users/${encodeURIComponent(phoneNumber)}/${revoke ? 'token' : 'session'}`;
      const ifMissing = missing(phoneNumber);
      const { disconnected } = await (await apiOf(context)).call('DELETE', path, disconnectedAnswer, { ifMissing });
      const token = revoke ? 'The token is revoked; ' : '';
      const text = disconnected ? 'the connection is being closed.' : 'there was no connection to close.';
      const sentence = token === '' ? text.replace(/^t/, 'T') : token + text;
      context.output.result({ phone_number: phoneNumber, disconnected, revoked: revoke }, sentence);
    });
}

function dropMessageCommand(): Command {
  return new Command('drop-message')
    .description('delete one waiting message, such as one that the client cannot handle')
    .argument('<user id>')
    .argument('<message id>', 'as fronttcp users show <user id> --json has it')
    .addHelpText('after', '\nExample:\n  $ fronttcp users drop-message device-1 1838431748728832')
    .action(async (phoneNumber: string, id: string, _options: object, command: Command) => {
      const context = await contextOf(command);
      const path = `/users/${encodeURIComponent(phoneNumber)}/messages/${encodeURIComponent(id)}`;
      const ifMissing = `Look for it: fronttcp users show ${phoneNumber} --json`;
      await (await apiOf(context)).call('DELETE', path, z.object({}), { ifMissing });
      context.output.result({ phone_number: phoneNumber, id }, `Deleted message ${id} of ${phoneNumber}.`);
    });
}

function clearMessagesCommand(): Command {
  return new Command('clear-messages')
    .description('delete all messages of the mailbox; messages that come meanwhile stay')
    .argument('<user id>')
    .addHelpText('after', '\nExample:\n  $ fronttcp users clear-messages device-1')
    .action(async (phoneNumber: string, _options: object, command: Command) => {
      const context = await contextOf(command);
      const path = `/users/${encodeURIComponent(phoneNumber)}/messages`;
      const ifMissing = missing(phoneNumber);
      const { deleted } = await (await apiOf(context)).call('DELETE', path, clearedAnswer, { ifMissing });
      const text = `Deleted ${deleted} ${deleted === 1 ? 'message' : 'messages'} of ${phoneNumber}.`;
      context.output.result({ phone_number: phoneNumber, deleted }, text);
    });
}

const missing = (phoneNumber: string): string => `Look for it: fronttcp users list --prefix ${phoneNumber.slice(0, 3)}`;

function removeCommand(): Command {
  return new Command('remove')
    .description('revoke the token, close the connection, and delete the user and the mailbox')
    .argument('<user id>')
    .addHelpText('after', '\nExample:\n  $ fronttcp users remove device-1')
    .action(async (phoneNumber: string, _options: object, command: Command) => {
      const { output } = await contextOf(command);
      await withStore((store) => removeUser(store, phoneNumber));
      output.result({ phone_number: phoneNumber }, `Removed ${phoneNumber}.`);
    });
}

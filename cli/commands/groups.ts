import { Command } from 'commander';
import { z } from 'zod';
import { changeAnswer, groupsAnswer, MAX_CHANGE, membersAnswer } from '../../functions/groups/schema.ts';
import type { Api } from '../support/api.ts';
import { apiOf, contextOf } from '../support/context.ts';
import { defaultTo } from '../support/default-command.ts';
import { count } from '../support/drawing.ts';
import { ExitCode, Failure } from '../support/failure.ts';
import { wholeNumber } from '../support/numbers.ts';
import { printable } from '../support/output.ts';
import { pagesOf, recipientsOfFile } from '../support/recipients.ts';

const IF_MISSING = 'See what there is: fronttcp groups list';

export function groupsCommand(): Command {
  return defaultTo(new Command('groups'), listCommand())
    .description('named groups of users (operators)')
    .addCommand(showCommand())
    .addCommand(changeCommand('add', 'put users into a group; the first makes the group'))
    .addCommand(changeCommand('remove', 'remove users from a group; a group without members no longer exists'))
    .addCommand(deleteCommand());
}

const pathOf = (name: string) => `/groups/${encodeURIComponent(name)}`;

function listCommand(): Command {
  return new Command('list')
    .description('the names of the groups')
    .option('--limit <number>', 'the maximum number of rows', wholeNumber(1, 1_000_000), 100)
    .addHelpText('after', '\nExample:\n  $ fronttcp groups list')
    .action(async ({ limit }: { limit: number }, command: Command) => {
      const context = await contextOf(command);
      const api = await apiOf(context);
      const names: string[] = [];
      let cursor: string | null = null;
      for await (const page of pagesOf(api, '/groups', groupsAnswer, { limit })) {
        names.push(...page.groups);
        cursor = page.cursor;
      }
      context.output.result({ groups: names, cursor }, names.join('\n') || 'There is no group.');
      if (cursor !== null) context.output.note(`There are more: --limit ${limit * 10}`);
    });
}

function showCommand(): Command {
  return new Command('show')
    .description('the members of a group, in the order in which they joined')
    .argument('<group>')
    .option('--limit <number>', 'the maximum number of rows', wholeNumber(1, 100_000), 100)
    .addHelpText('after', '\nExample:\n  $ fronttcp groups show pumps:north --limit 100000 > members.txt')
    .action(async (group: string, { limit }: { limit: number }, command: Command) => {
      const context = await contextOf(command);
      const api = await apiOf(context);
      const members: string[] = [];
      let size = 0;
      let cursor: string | null = null;
      const path = `${pathOf(group)}/members`;
      for await (const page of pagesOf(api, path, membersAnswer, { limit, ifMissing: IF_MISSING })) {
        members.push(...page.members);
        ({ size, cursor } = page);
      }
      context.output.result({ group, size, members, cursor }, members.map(printable).join('\n'));
      if (cursor !== null) context.output.note(`${count(size)} in all: --limit ${size}`);
    });
}

function changeCommand(verb: 'add' | 'remove', description: string): Command {
  return new Command(verb)
    .description(description)
    .argument('<group>', '1 to 128 letters, digits, `.`, `_`, `-` or `:`')
    .argument('[user id...]')
    .option('-f, --file <file>', 'user ids of a file, one a line; - reads standard input')
    .addHelpText(
      'after',
      `
Examples:
  $ fronttcp groups ${verb} pumps:north pump-1 pump-2
  $ fronttcp groups ${verb} pumps:north --file pumps.txt`,
    )
    .action(async (group: string, named: string[], { file }: { file?: string }, command: Command) => {
      if ((named.length === 0) === (file === undefined)) {
        const message = file === undefined ? 'no members' : 'user ids and --file cannot be combined';
        throw new Failure(ExitCode.usage, message, 'Name user ids, or a --file with one user id a line.');
      }
      const context = await contextOf(command);
      const api = await apiOf(context);
      const ids = file === undefined ? named : await recipientsOfFile(file);
      const members = await change(api, group, verb, ids);
      context.output.result({ group, members }, `${printable(group)} has ${count(members)} members.`);
    });
}

/** Returns the number of members after it. Each request takes a limited number of ids. */
async function change(api: Api, group: string, verb: 'add' | 'remove', ids: readonly string[]): Promise<number> {
  let members = 0;
  for (let at = 0; at < ids.length; at += MAX_CHANGE) {
    const body = { [verb]: ids.slice(at, at + MAX_CHANGE) };
    try {
      ({ members } = await api.call('PUT', `${pathOf(group)}/members`, changeAnswer, { body }));
    } catch (error) {
      if (at === 0 || !(error instanceof Failure)) throw error;
      const done = `${verb === 'add' ? 'added' : 'removed'} ${at} of ${ids.length}, then: ${error.message}`;
      throw new Failure(error.exitCode, done, 'Run it again: it may be repeated.', { cause: error, word: error.word });
    }
  }
  return members;
}

function deleteCommand(): Command {
  return new Command('delete')
    .description('delete a group; its members stay users')
    .argument('<group>')
    .addHelpText('after', '\nExample:\n  $ fronttcp groups delete pumps:north')
    .action(async (group: string, _options: object, command: Command) => {
      const context = await contextOf(command);
      await (await apiOf(context)).call('DELETE', pathOf(group), z.object({}), { ifMissing: IF_MISSING });
      context.output.result({ group }, `Deleted the group ${printable(group)}.`);
    });
}

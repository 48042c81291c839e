import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { expect, test } from 'vitest';
import { createProgram } from '../../cli/program.ts';
import { CHAT_HELP } from '../../cli/support/chat-line.ts';
import { repository } from '../kit/process.ts';

const program = createProgram();
const page = readFileSync(join(repository, 'docs/cli.md'), 'utf8');

const visible = (command: Command): Command[] =>
  command
    .createHelp()
    .visibleCommands(command)
    .filter((child) => child.name() !== 'help');
/** Those that do something, not those that only hold others. */
const leaves = (command: Command): Command[] =>
  visible(command).flatMap((child) => (child.commands.length > 0 ? leaves(child) : [child]));

const nameOf = (command: Command): string =>
  command.parent === null ? command.name() : `${nameOf(command.parent)} ${command.name()}`;

function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({
    writeOut: (part) => {
      text += part;
    },
  });
  command.outputHelp();
  return text;
}

test('the help of the program lists every command, and the exit codes', () => {
  const help = helpOf(program);
  for (const command of visible(program)) expect(help).toMatch(new RegExp(`^ {2}${command.name()} `, 'm'));
  expect(help).toContain('Exit codes:');
});

test('the help of a chat has its explanations in one column', () => {
  const rows = CHAT_HELP.split('\n').slice(1);
  const columns = rows.map((row) => /^ {2}\S.*? {2,}(?=\S)/.exec(row)?.[0].length);
  expect(columns[0]).toBeGreaterThan(0);
  expect(new Set(columns).size).toBe(1);
});

test.each(leaves(program).map((command) => [nameOf(command), command] as const))(
  '%s explains itself with an example, and stands on the page with every option',
  (name, command) => {
    const help = helpOf(command);
    expect(help).toMatch(/Examples?:\n {2}\$ /);
    expect(help).toContain('--json');
    expect(help).not.toContain('<phone number>');
    expect(page).toContain(name);
    for (const { long } of command.options) expect(page, name).toMatch(new RegExp(`${long}(?![\\w-])`));
  },
);

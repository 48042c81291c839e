import type { Command, Option } from 'commander';

interface Candidate {
  value: string;
  description: string;
}

/** The candidates for the last of `words` (after the program's name), from commander's own tree. */
export function candidatesOf(program: Command, words: readonly string[]): Candidate[] {
  const current = words.at(-1) ?? '';
  // Bash splits --scope=send into three words.
  const before = words.slice(0, -1).filter((word) => word !== '=');
  let command = program;
  let awaiting: Option | undefined;
  for (const word of before) {
    const isValue = awaiting !== undefined;
    awaiting = undefined;
    if (isValue) continue;
    if (word.startsWith('-')) awaiting = takingValue(optionNamed(command, word));
    else command = command.commands.find((child) => child.name() === word || child.aliases().includes(word)) ?? command;
  }
  const found = awaiting === undefined ? wordsOf(command, current) : valuesOf(awaiting, '');
  const typed = current === '=' ? '' : current;
  return found.filter(({ value }) => value.startsWith(typed));
}

function wordsOf(command: Command, current: string): Candidate[] {
  const [name = '', value] = current.split('=', 2);
  if (value !== undefined) {
    const option = optionNamed(command, name);
    return option === undefined ? [] : valuesOf(option, `${name}=`);
  }
  if (current.startsWith('-')) {
    return optionsOf(command).map(({ long, short, description }) => ({ value: long ?? short ?? '', description }));
  }
  const help = command.createHelp();
  const children = help.visibleCommands(command).map((child) => ({
    value: child.name(),
    description: child.description(),
  }));
  const choices = command.registeredArguments.flatMap(({ argChoices = [], description }) =>
    argChoices.map((value) => ({ value, description })),
  );
  return [...children, ...choices];
}

function valuesOf({ argChoices = [], description }: Option, prefix: string): Candidate[] {
  return argChoices.map((value) => ({ value: `${prefix}${value}`, description }));
}

function takingValue(option: Option | undefined): Option | undefined {
  return option?.required || option?.optional ? option : undefined;
}

/** The options of the command, and those of the program, which are allowed everywhere. */
function optionsOf(command: Command): Option[] {
  const help = command.createHelp();
  return [...help.visibleOptions(command), ...help.visibleGlobalOptions(command)];
}

/** Long names of the options whose value is a file: shells complete those by themselves. */
export function fileOptionsOf(command: Command): string[] {
  const own = command.options.filter(({ flags }) => flags.includes('<file>')).map(({ long }) => long?.slice(2) ?? '');
  return [...new Set([...own, ...command.commands.flatMap(fileOptionsOf)])];
}

function optionNamed(command: Command, word: string): Option | undefined {
  return optionsOf(command).find(({ long, short }) => word === long || word === short);
}

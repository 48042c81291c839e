import { styleText } from 'node:util';
import { failureWord } from './failure.ts';
import { nextStepOf } from './next-steps.ts';

type Style = Parameters<typeof styleText>[0];

/** Control and direction characters: text of other users must not move the cursor, set the title or imitate our lines. */
const UNPRINTABLE = /[\p{Cc}\p{Bidi_Control}]/gu;

/** Makes text of other users safe for a terminal: its further lines are indented, so that none looks like our own. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (character) => {
    if (character === '\n') return '\n    ';
    return character === '\t' ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** Results go to stdout, everything about them to stderr. Colours as the stream, NO_COLOR and FORCE_COLOR allow. */
export class Output {
  readonly isJson: boolean;
  readonly isQuiet: boolean;

  constructor(options: { json: boolean; quiet: boolean }) {
    this.isJson = options.json;
    this.isQuiet = options.quiet;
  }

  /** The result: one line of JSON with --json, else text. */
  result(value: unknown, text: string): void {
    process.stdout.write(`${this.isJson ? JSON.stringify(value) : text}\n`);
  }

  /** One result of a series, such as a message. */
  line(value: unknown, text: string): void {
    this.result(value, text);
  }

  /** Additional information for people; not with --quiet. */
  note(text: string): void {
    if (!this.isQuiet) process.stderr.write(`${styled('dim', text, process.stderr)}\n`);
  }

  warn(text: string): void {
    process.stderr.write(`${styled('yellow', 'warning:', process.stderr)} ${text}\n`);
  }

  /**
   * Why the command ended: with --json one line of JSON, else text. `word` is stable (docs/errors.md), and stands behind the message
   * when it says more than the exit code. Without a next step of the command, the one of that page.
   */
  failure(word: string, message: string, nextStep: string | undefined = nextStepOf(word)): void {
    if (this.isJson) {
      process.stderr.write(`${JSON.stringify({ code: 0, error: word, message, next_step: nextStep })}\n`);
      return;
    }
    const isOfExitCode = (Object.values(failureWord) as string[]).includes(word);
    this.error(isOfExitCode ? message : `${message} ${styled('dim', `[${word}]`, process.stderr)}`);
    if (nextStep !== undefined) process.stderr.write(`  ${nextStep}\n`);
  }

  error(text: string): void {
    process.stderr.write(`${styled('red', 'error:', process.stderr)} ${text}\n`);
  }
}

export function styled(style: Style, text: string, stream: NodeJS.WriteStream = process.stdout): string {
  return styleText(style, text, { stream });
}

/** Rows under headings, columns as wide as their widest cell. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = headings.map((heading, at) => Math.max(heading.length, ...rows.map((row) => (row[at] ?? '').length)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, at) => cell.padEnd(at === cells.length - 1 ? 0 : (widths[at] ?? 0)))
      .join('  ')
      .trimEnd();
  return [styled('bold', line(headings)), ...rows.map(line)].join('\n');
}

/** Unix seconds, as the HTTP API gives the end of a token, in the unit of `--json` (docs/cli.md); null for never. */
export function unixMs(seconds: number | null | undefined): number | null {
  return seconds === null || seconds === undefined ? null : seconds * 1_000;
}

/** Unix milliseconds as local time; `-` for never. */
export function time(atMs: number | null): string {
  return atMs === null ? '-' : new Date(atMs).toLocaleString('sv-SE');
}

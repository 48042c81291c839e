import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Where log lines of the whole suite are gathered; set by the run itself. */
const FOLDER = 'FRONTTCP_TEST_LOGS';

/** What no log line may hold, whichever test it comes from: the forms that tokens, passwords and contents have here. */
const SECRETS: readonly (readonly [what: string, pattern: RegExp])[] = [
  ['a token as tests write it', /token of \S/],
  ['the token of a user', /[\w-]{2,}\.[\w-]{43}(?![\w-])/],
  ['the token of a program', /fts_[\da-f]{24}/],
  ['a token at rest', /sha256:[\da-f]{64}/],
  ['a password at rest', /scrypt\$/],
  ['an Authorization header', /bearer [\w-]/i],
  ['a body', /(?:chat_content|phone_number|password)\\?"\s*:/],
  ['a secret', /s3cret|TOPSECRET/],
];

/** The first line of every kind of secret that is found in a log, with what it is; without the secret itself. */
export function secretsIn(log: string): string[] {
  const lines = log.split('\n').filter((line) => line.startsWith('{"level":'));
  return SECRETS.flatMap(([what, pattern]) => {
    const found = lines.find((line) => pattern.test(line));
    return found === undefined ? [] : [`${what} in the log: ${found.replace(pattern, '[here]').slice(0, 500)}`];
  });
}

/** Keeps what a program under test has logged for the end of the run. */
export function keepLog(text: string): void {
  const folder = process.env[FOLDER];
  if (folder === undefined) return;
  const lines = text.split('\n').filter((line) => line.startsWith('{"level":'));
  if (lines.length > 0) appendFileSync(join(folder, `${process.pid}.log`), `${lines.join('\n')}\n`);
}

/** To be called before the first test. Returns what is to be called after the last one: it throws when a secret was logged. */
export function gatherLogs(): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'fronttcp-logs-'));
  process.env[FOLDER] = folder;
  return () => {
    const found = readdirSync(folder).flatMap((file) => secretsIn(readFileSync(join(folder, file), 'utf8')));
    rmSync(folder, { recursive: true, force: true });
    if (found.length === 0) return;
    // What fails after the last test is only printed otherwise.
    process.exitCode = 1;
    throw new Error(`secrets were logged:\n${found.join('\n')}`);
  };
}

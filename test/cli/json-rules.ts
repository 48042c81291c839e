/** Members that hold what a device, a gateway or a producer wrote: not ours to name. */
const FREE = new Set(['reply', 'body', 'facts', 'entry', 'content']);
const NAME = /^[a-z][a-z0-9]*(_[a-z0-9]+)*$/;
const MOMENT = /^at$|_at$|^last_seen$/;
const OTHER_UNIT = /_(s|seconds?|minutes|hours|us|ns|sec|secs|mins)$|^(seconds|minutes|hours)$/;
/** `…_per_second` and `…_per_minute` are rates. */
const RATE = /per_(second|minute)$/;
const YEAR_2001_MS = 1_000_000_000_000;

/**
 * What breaks the rules of `--json` in docs/cli.md, each with its path: names in snake_case, a moment in Unix milliseconds
 * (`…_at`), a duration in milliseconds (`…_ms`).
 */
export function offences(value: unknown, path = '$'): string[] {
  if (Array.isArray(value)) return value.flatMap((member, at) => offences(member, `${path}[${at}]`));
  if (typeof value === 'string') return /^\d{4}-\d\d-\d\dT\d\d:/.test(value) ? [`${path} is a moment as text`] : [];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) => {
    const here = `${path}.${name}`;
    const found: string[] = [];
    if (!NAME.test(name)) found.push(`${here} is not in snake_case`);
    if (OTHER_UNIT.test(name) && !RATE.test(name)) found.push(`${here} is not in milliseconds`);
    if (MOMENT.test(name) && !isMoment(member)) found.push(`${here} is no moment in Unix milliseconds: ${member}`);
    return FREE.has(name) ? found : [...found, ...offences(member, here)];
  });
}

const isMoment = (value: unknown): boolean =>
  value === null || (Number.isInteger(value) && Number(value) > YEAR_2001_MS);

/** One JSON value a line, as `--json` prints them. */
export function linesOf(stdout: string): unknown[] {
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as unknown);
}

import { readFile } from 'node:fs/promises';
import { text as readAll } from 'node:stream/consumers';
import type { z } from 'zod';
import { userIdSchema } from '../../contract/wire/commands.ts';
import { MAX_PAGE, usersAnswer } from '../../functions/users/schema.ts';
import type { Api } from './api.ts';
import { ExitCode, Failure } from './failure.ts';

export type ListedUser = z.infer<typeof usersAnswer>['users'][number];

/** One user id a line; blank lines and those that begin with # are skipped, and duplicates count once. */
export async function recipientsOfFile(path: string): Promise<string[]> {
  const lines = (await read(path)).split(/\r?\n/).map((line) => line.trim());
  const recipients = new Set<string>();
  for (const [at, line] of lines.entries()) {
    if (line === '' || line.startsWith('#')) continue;
    const checked = userIdSchema.safeParse(line);
    if (!checked.success) {
      const nextStep = 'The file has one user id a line.';
      throw new Failure(ExitCode.usage, `${path}, line ${at + 1}: ${checked.error.issues[0]?.message}`, nextStep);
    }
    recipients.add(line);
  }
  if (recipients.size > 0) return [...recipients];
  throw new Failure(ExitCode.usage, `${path} names nobody`, 'Write one user id a line.');
}

async function read(path: string): Promise<string> {
  if (path === '-') return readAll(process.stdin);
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new Failure(ExitCode.usage, `cannot read ${path}: ${(error as Error).message}`, 'Is the path right?');
  }
}

interface PageOptions {
  /** Of everything together. */
  limit?: number;
  /** More members of the query. */
  query?: Readonly<Record<string, string>>;
  ifMissing?: string;
}

/** A list of the API, page by page, in its order. */
export async function* pagesOf<T extends { cursor: string | null }>(
  api: Api,
  path: string,
  schema: z.ZodType<T>,
  { limit = Number.POSITIVE_INFINITY, query = {}, ifMissing }: PageOptions,
): AsyncGenerator<T> {
  let cursor: string | null = null;
  let left = limit;
  do {
    const search = new URLSearchParams({ ...query, limit: String(Math.min(MAX_PAGE, left)) });
    if (cursor !== null) search.set('cursor', cursor);
    const page: T = await api.call('GET', `${path}?${search}`, schema, ifMissing === undefined ? {} : { ifMissing });
    yield page;
    left -= itemsOf(page);
    cursor = page.cursor;
  } while (cursor !== null && left > 0);
}

const itemsOf = (page: object): number =>
  Object.values(page).reduce((sum, member) => sum + (Array.isArray(member) ? member.length : 0), 0);

export interface WantedUsers {
  prefix?: string | undefined;
  contains?: string | undefined;
  online?: boolean | undefined;
}

/** Users, page by page, in the order of their ids. */
export function pagesOfUsers(api: Api, { prefix, contains, online, limit }: WantedUsers & { limit?: number }) {
  const query = {
    ...(prefix === undefined ? {} : { q: prefix }),
    ...(contains === undefined ? {} : { contains }),
    ...(online ? { online: 'true' } : {}),
  };
  return pagesOf(api, '/users', usersAnswer, { query, ...(limit === undefined ? {} : { limit }) });
}

export async function everyUser(api: Api): Promise<string[]> {
  const ids: string[] = [];
  for await (const { users } of pagesOfUsers(api, {})) ids.push(...users.map(({ phone_number }) => phone_number));
  return ids;
}

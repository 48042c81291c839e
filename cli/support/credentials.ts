import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { ExitCode, Failure } from './failure.ts';
import { jsonOf } from './typed-json.ts';

const loginSchema = z.object({
  phone_number: z.string(),
  token: z.string(),
  /** Unix seconds. */
  expires_at: z.number().optional(),
  host: z.string().optional(),
  port: z.number().optional(),
  tls: z.boolean().optional(),
});
/** The login at an API, and the address of its gateway. */
export type StoredLogin = z.infer<typeof loginSchema>;

const fileSchema = z.object({
  /** The API of the last login: the default of all commands. */
  current: z.string().optional(),
  logins: z.record(z.string(), loginSchema),
});
type CredentialsFile = z.infer<typeof fileSchema>;

type Env = Readonly<Record<string, string | undefined>>;

function credentialsPath(env: Env): string {
  return join(env.XDG_CONFIG_HOME || join(homedir(), '.config'), 'fronttcp', 'credentials.json');
}

/** Tokens by API, in a file that only its owner can read. */
export class Credentials {
  readonly path: string;

  constructor(env: Env) {
    this.path = credentialsPath(env);
  }

  async current(): Promise<string | undefined> {
    return (await this.#read()).current;
  }

  async get(api: string): Promise<StoredLogin | undefined> {
    return (await this.#read()).logins[api];
  }

  async put(api: string, login: StoredLogin): Promise<void> {
    const { logins } = await this.#read();
    await this.#write({ current: api, logins: { ...logins, [api]: login } });
  }

  async remove(api: string): Promise<void> {
    const { current, logins } = await this.#read();
    const { [api]: _, ...others } = logins;
    await this.#write({ ...(current === api || current === undefined ? {} : { current }), logins: others });
  }

  async #read(): Promise<CredentialsFile> {
    let text: string;
    try {
      text = await readFile(this.path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { logins: {} };
      throw new Failure(ExitCode.usage, `cannot read ${this.path}: ${(error as Error).message}`);
    }
    const parsed = fileSchema.safeParse(jsonOf(text));
    if (parsed.success) return parsed.data;
    throw new Failure(ExitCode.usage, `${this.path} is damaged`, 'Remove it and log in again.');
  }

  /** By renaming: a concurrent reader sees the old file or the new one. */
  async #write(content: CredentialsFile): Promise<void> {
    await mkdir(dirname(this.path), { recursive: true, mode: 0o700 });
    const draft = `${this.path}.${process.pid}`;
    await writeFile(draft, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
    await rename(draft, this.path);
  }
}

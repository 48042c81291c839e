import { type Copied, type CopyOptions, copyProgram } from '../programs/copy.ts';

/** By the name of the server. The program itself is in the package of the tools, of which the server is a link. */
const servers = [
  { name: 'redis-server', packages: ['redis-server', 'redis-tools'], client: 'redis-cli' },
  { name: 'valkey-server', packages: ['valkey-server', 'valkey-tools'], client: 'valkey-cli' },
] as const;

/** A copy of a Redis server in the project's own folder, for a user without the right to install one. */
export async function copyRedis(options: CopyOptions): Promise<Copied> {
  const tried: string[] = [];
  for (const { name, packages, client } of servers) {
    // Whatever the client of the server is called here, the documents call it redis-cli.
    const more = { 'redis-cli': `usr/bin/${client}` };
    const copied = await copyProgram({ name, packages, file: `usr/bin/${name}`, more }, options);
    if (copied.ok) return copied;
    tried.push(copied.tried);
  }
  return { ok: false, tried: [...new Set(tried)].join('; ') };
}

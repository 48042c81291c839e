import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DeployedStack } from '../../cli/support/aws.ts';
import { endWithUs } from '../../local/end-with-us.ts';
import { repository } from '../kit/process.ts';

/** `fronttcp setup --stack`, with a home of its own: nobody's login is replaced. */
export async function firstMessage({ name, region }: DeployedStack): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'fronttcp-account-'));
  try {
    const args = [join(repository, 'bin/fronttcp.mjs'), 'setup', '--stack', name, '--password-stdin'];
    const child = spawn(process.execPath, args, {
      env: { ...process.env, AWS_REGION: region, AWS_DEFAULT_REGION: region, XDG_CONFIG_HOME: home },
    });
    endWithUs(child);
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        output += text;
      });
    }
    child.stdin.end('of-the-account-test\n');
    const [code] = (await once(child, 'close')) as [number | null];
    if (code !== 0) throw new Error(`fronttcp setup ended with ${code}: ${output.trim()}`);
    return 'acknowledged';
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

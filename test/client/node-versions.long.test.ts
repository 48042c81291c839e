import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { NODE_FLAGS } from '../../gateway/node-flags.ts';
import { run } from '../../local/redis/run.ts';
import manifest from '../../package.json' with { type: 'json' };
import { nodesInSupport, provideNode } from '../kit/nodes.ts';
import { installPackedPackage } from '../kit/packed-package.ts';
import { repository } from '../kit/process.ts';
import { runWholeSystem } from '../package/whole-system.ts';
import { describeTours } from './tours.ts';

const ours = process.versions.node.split('.')[0];
const others = nodesInSupport.filter((version) => version.split('.')[0] !== ours);
describeTours(others);

it.each(others)('Node %s knows the flags that a gateway is started with', async (version) => {
  expect(await run(await provideNode(version), [...NODE_FLAGS, '-p', '1 + 1'], {})).toMatchObject({
    code: 0,
    output: '2\n',
  });
});

it('the whole system runs from the package on the oldest Node', async () => {
  const app = mkdtempSync(join(tmpdir(), 'fronttcp-oldest-'));
  onTestFinished(() => rmSync(app, { recursive: true, force: true }));
  writeFileSync(join(app, 'package.json'), '{"private": true}');
  await installPackedPackage(join(app, 'node_modules/fronttcp'));
  const names = Object.keys(manifest.dependencies).map((name) => name.replace(/\/.*/, ''));
  for (const name of new Set(names)) {
    symlinkSync(join(repository, 'node_modules', name), join(app, 'node_modules', name));
  }
  const node = await provideNode(nodesInSupport[0]);
  await runWholeSystem({ node, app, env: { NODE_OPTIONS: undefined } });
}, 400_000);

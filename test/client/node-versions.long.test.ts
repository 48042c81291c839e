import { expect, it } from 'vitest';
import { NODE_FLAGS } from '../../gateway/node-flags.ts';
import { run } from '../../local/redis/run.ts';
import { nodesInSupport, provideNode } from '../kit/nodes.ts';
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

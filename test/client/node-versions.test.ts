import { expect, test } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };
import { PRELUDES } from '../docs/arrangements.ts';
import { nodesInSupport } from '../kit/nodes.ts';
import { describeTours, examples } from './tours.ts';

test('the oldest version is the one that package.json names', () => {
  expect(manifest.engines.node).toBe(`>=${nodesInSupport[0].split('.')[0]}`);
});

test('the client page has its examples, and names their requirements', () => {
  expect(examples).toHaveLength(5);
  expect(PRELUDES['docs/client.md']).toContain('logIn');
});

describeTours([process.versions.node]);

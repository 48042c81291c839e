import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { reservePort } from './ports.ts';
import { repository, startProcess } from './process.ts';

it('gives each port to one test only, in this process and in others of the run', async () => {
  const script = `
    const { reservePort } = await import('./test/kit/ports.ts');
    const ports = await Promise.all(Array.from({ length: 150 }, () => reservePort()));
    console.log('ports ' + ports.join(' '));`;
  const others = [1, 2].map(() => startProcess(process.execPath, ['--input-type=module', '-e', script]));
  const here = await Promise.all(Array.from({ length: 50 }, () => reservePort(3)));
  const printed = await Promise.all(others.map((other) => other.line(/^ports /)));
  const all = [
    ...here.flatMap((port) => [port, port + 1, port + 2]),
    ...printed.flatMap((line) => line.split(' ').slice(1).map(Number)),
  ];
  expect(new Set(all).size).toBe(450);
});

it('is what all tests use: a port that is only looked for may be given to two', () => {
  const unreserved = readdirSync(join(repository, 'test'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('local/free-port.test.ts'))
    .filter((name) =>
      /\bfreePort\b.* from '[./]+\/local\/free-port\.ts'/.test(readFileSync(join(repository, 'test', name), 'utf8')),
    );
  expect(unreserved).toEqual([]);
});

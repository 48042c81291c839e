import { expect, it } from 'vitest';
import { type Need, provide } from './needs.ts';

const unsaid = (line: string): void => expect.unreachable(line);

it('takes the first program that exists', async () => {
  const need: Need = { area: 'x', programs: ['no-such-program', 'sh'], packages: {} };
  expect(await provide(need, process.env, unsaid)).toEqual({ state: 'there', path: expect.stringMatching(/\/sh$/) });
});

it('names the missing programs on a machine whose package manager does not have them', async () => {
  const need: Need = { area: 'x', programs: ['no-such-program'], packages: {} };
  expect(await provide(need, process.env, unsaid)).toEqual({
    state: 'impossible',
    why: 'no-such-program missing; no package of it for this machine',
  });
});

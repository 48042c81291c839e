import { expect, it } from 'vitest';
import { findings, moreDeployments } from './support/findings.ts';

it.each(moreDeployments)('%s: is valid, and has no finding of AwsSolutions', (_name, settings) => {
  expect(findings(settings)).toEqual([]);
});

/** A part of `npm run test:long`: a program of this repository and its arguments. */
export interface Part {
  readonly name: string;
  readonly command: readonly string[];
}

const vitest = (area: string): readonly string[] => ['test/run.ts', '--project', 'long', `test/${area}/`];
const MUTATION_SHARES = 4;
const SAMPLED_MUTATIONS = 2;

/** Each takes one to four minutes on two cores. */
export const parts: readonly Part[] = [
  { name: 'drill', command: vitest('drill') },
  { name: 'container', command: vitest('container') },
  { name: 'node-versions', command: vitest('client') },
  { name: 'balancer', command: vitest('gateway') },
  { name: 'bench', command: vitest('bench') },
  { name: 'appearances', command: vitest('console') },
  { name: 'cdk', command: vitest('cdk') },
  { name: 'go', command: vitest('examples-go') },
  { name: 'native', command: vitest('net') },
  { name: 'storm', command: vitest('faults') },
  { name: 'seeds', command: ['test/faults/run.ts', '--seed', '6', '--seeds', '12', '--at-once', '3'] },
  {
    name: 'seeds-cluster',
    command: ['test/faults/run.ts', '--seed', '18', '--seeds', '12', '--at-once', '3', '--cluster'],
  },
  {
    name: 'failover',
    command: ['test/faults/run.ts', '--profile', 'failover', '--seed', '25', '--seeds', '8', '--at-once', '2'],
  },
  { name: 'asking', command: ['test/faults/run.ts', '--scenario', 'asking', '--seed', '2', '--cluster'] },
  { name: 'upgrade', command: ['test/faults/run.ts', '--scenario', 'upgrade'] },
  { name: 'attack', command: ['test/bounds/attack/run.ts'] },
  { name: 'silent', command: ['test/faults/run.ts', '--scenario', 'silent'] },
  ...Array.from({ length: MUTATION_SHARES }, (_, at) => ({
    name: `mutations-${at + 1}`,
    command: ['test/faults/mutations.ts', '--share', `${at + 1}/${MUTATION_SHARES}`],
  })),
  { name: 'fuzz', command: ['test/fuzz/run.ts', '--seconds', '60'] },
  { name: 'soak', command: ['bench/soak/run.ts', '--minutes', '2'] },
];

/** The parts of a commit: the one that its hash names, and a sample of the planted bugs. */
export function partsOf(commit: string): readonly Part[] {
  const sample = ['test/faults/mutations.ts', '--sample', String(SAMPLED_MUTATIONS), '--commit', commit];
  return [parts[numberOf(commit) % parts.length] as Part, { name: 'mutations-sample', command: sample }];
}

/** The first eight digits of its hash. */
function numberOf(commit: string): number {
  const hash = /^[\da-f]{8}/.exec(commit)?.[0];
  if (hash === undefined) throw new Error(`${commit} is not the hash of a commit`);
  return Number.parseInt(hash, 16);
}

/** `count` of the items, spread over the list; which ones, the commit decides. */
export function sampleOf<T>(items: readonly T[], count: number, commit: string): readonly T[] {
  const first = numberOf(commit) % items.length;
  const distance = Math.max(1, Math.floor(items.length / count));
  return Array.from(
    { length: Math.min(count, items.length) },
    (_, i) => items[(first + i * distance) % items.length] as T,
  );
}

/** The parts with these names, in the order of the table. */
export function partsNamed(names: readonly string[]): readonly Part[] {
  const unknown = names.filter((name) => !parts.some((part) => part.name === name));
  if (unknown.length > 0) {
    throw new Error(`there is no ${unknown.join(', ')}; there are ${parts.map(({ name }) => name).join(', ')}`);
  }
  return parts.filter(({ name }) => names.includes(name));
}

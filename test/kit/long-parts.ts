/** A part of `npm run test:long`: a program of this repository and its arguments. */
export interface Part {
  readonly name: string;
  readonly command: readonly string[];
}

const vitest = (area: string): readonly string[] => ['test/run.ts', '--project', 'long', `test/${area}/`];
const MUTATION_SHARES = 4;

/** Each takes one to four minutes on two cores. */
export const parts: readonly Part[] = [
  { name: 'drill', command: vitest('drill') },
  { name: 'container', command: vitest('container') },
  { name: 'node-versions', command: vitest('client') },
  { name: 'bench', command: vitest('bench') },
  { name: 'go', command: vitest('examples-go') },
  { name: 'native', command: vitest('net') },
  { name: 'storm', command: vitest('faults') },
  { name: 'seeds', command: ['test/faults/run.ts', '--seed', '6', '--seeds', '12', '--at-once', '3'] },
  {
    name: 'seeds-cluster',
    command: ['test/faults/run.ts', '--seed', '18', '--seeds', '12', '--at-once', '3', '--cluster'],
  },
  { name: 'silent', command: ['test/faults/run.ts', '--scenario', 'silent'] },
  ...Array.from({ length: MUTATION_SHARES }, (_, at) => ({
    name: `mutations-${at + 1}`,
    command: ['test/faults/mutations.ts', '--share', `${at + 1}/${MUTATION_SHARES}`],
  })),
  { name: 'fuzz', command: ['test/fuzz/run.ts', '--seconds', '60'] },
  { name: 'soak', command: ['bench/soak/run.ts', '--minutes', '2'] },
];

/** The part that belongs to a commit: the first eight digits of its hash, modulo the number of parts. */
export function partOf(commit: string): Part {
  const hash = /^[\da-f]{8}/.exec(commit)?.[0];
  if (hash === undefined) throw new Error(`${commit} is not the hash of a commit`);
  return parts[Number.parseInt(hash, 16) % parts.length] as Part;
}

/** The parts with these names, in the order of the table. */
export function partsNamed(names: readonly string[]): readonly Part[] {
  const unknown = names.filter((name) => !parts.some((part) => part.name === name));
  if (unknown.length > 0) {
    throw new Error(`there is no ${unknown.join(', ')}; there are ${parts.map(({ name }) => name).join(', ')}`);
  }
  return parts.filter(({ name }) => names.includes(name));
}

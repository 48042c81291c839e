/** A line of README.md as a user types it. */
export interface Line {
  readonly text: string;
  /** What is on a screen when the user goes on; undefined: the line has ended with 0. */
  readonly until?: RegExp;
  /** What the user answers to the line's question. */
  readonly answer?: string;
  /** It is on the screen of the line before, not on its own. */
  readonly onScreenBefore?: boolean;
  /** What stands in README.md, where a packed file takes the place of the registry. */
  readonly shown?: string;
}

const beginnings: Record<string, readonly Line[]> = {
  clone: [{ text: 'npm ci' }, { text: 'npm start', until: /Ctrl-C stops everything/ }],
  package: [
    { text: 'npm install ../fronttcp.tgz', shown: 'npm install fronttcp' },
    { text: 'npx fronttcp dev', until: /Ctrl-C stops everything/ },
  ],
};

const client: readonly Line[] = [
  { text: 'npx fronttcp login device-1', answer: '123456' },
  { text: 'npx fronttcp connect', until: /Connected as/ },
];

/** The lines to the first message. Throws when README.md does not have one of them. */
export function linesOf(readme: string, beginning: string, send: string): readonly Line[] {
  const lines = [...(beginnings[beginning] ?? []), ...client];
  if (beginnings[beginning] === undefined) throw new Error(`There is no beginning ${beginning}`);
  for (const { text, shown = text } of lines) {
    if (!readme.includes(shown)) throw new Error(`README.md does not say ${shown}`);
  }
  return [...lines, { text: send, until: /hello/, onScreenBefore: true }];
}

/** The block of README.md that sends by hand, to the API at this port. */
export function sendOf(readme: string, port: string): string {
  const block = /```sh\n(TOKEN=[\s\S]*?)```/.exec(readme)?.[1];
  if (block === undefined) throw new Error('README.md sends nothing by hand');
  return block.replaceAll('localhost:3000', `localhost:${port}`);
}

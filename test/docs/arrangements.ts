import type { Keys } from './support/terminal.ts';

/**
 * What a reader does beside copying a block of `sh`: by page and the beginning of the block. A block that is not here is run
 * as it is, by the operator, and has to end with 0.
 */
export interface Arrangement {
  readonly keys?: Keys;
  /** Is on the screen when it has ended. */
  readonly shows?: RegExp;
  /** It prints the next block of the page, to the letter. */
  readonly printsNextBlock?: true;
  /** What stands on the page for something that only a run knows. */
  readonly replaces?: readonly [onPage: string, here: string];
  /** On a machine of its own, where this command was started and goes on; the pattern is on its screen when it is ready. */
  readonly beside?: readonly [command: string, isReady: RegExp];
}

const READY = /Ctrl-C stops everything/;
const password = [/Password of/, '123456\n'] as const;
const lookIn: Keys = [password, [/Connected as/, '/quit\n']];

export const arrangements: Readonly<Record<string, Arrangement>> = {
  'README.md npx fronttcp login': { keys: lookIn },
  'README.md TOKEN=': { shows: /"code":1,"message":"done","id":"\d+"/ },
  'docs/cost.md npx fronttcp cost': { printsNextBlock: true },
  'docs/security.md npx fronttcp tokens create': {
    replaces: ['5f1e0c7a9b3d4e8f6a2c1b0d', '$(npx fronttcp tokens list | grep billing | cut -d" " -f1)'],
    shows: /dashboard/,
  },
  'docs/start.md npx fronttcp login': { keys: lookIn },
  'docs/start.md TOKEN=': { shows: /"code":1,"message":"done","id":"\d+"/ },
  'docs/start.md redis-cli': { shows: /1/ },
  'docs/upstream.md npx fronttcp login': {
    beside: ['npm start -- --upstream examples/upstream/handler.ts', READY],
    keys: [password, [/Connected as/, '/cmd 1500 {"sensor": "hall"}\n'], [/reply \{"sensor":"hall"/, '/quit\n']],
  },
};

/** Commands that were started before the first page is read: by the tests' set-up, and as the systems beside them. */
export const UNDER_WAY: Readonly<Record<string, string>> = {
  'npm ci': 'test -d node_modules/vitest',
  'npm start': 'true',
  'npm start -- --upstream examples/upstream/handler.ts': 'true',
};
export const README_START = { command: 'npm start', isReady: READY };

/** Languages of blocks, and what is done with them. `text` is for drawings and for what a program prints. */
export const LANGUAGES = ['sh', 'ts', 'json', 'http', 'yaml', 'text'];

/** Blocks that cannot be run here, by page and beginning. Each carries its mark on the page: `aws` wants an account, `slow` minutes. */
export const NOT_RUN: readonly string[] = [
  'docs/deploy.md aws aws sts get-caller-identity',
  'docs/deploy.md aws aws iam create-service-linked-role',
  'docs/deploy.md aws npm ci',
  'docs/deploy.md aws npm run test:account',
  'docs/deploy.md aws npx cdk bootstrap',
  'docs/deploy.md aws npx fronttcp setup --stack',
  'docs/deploy.md aws npx fronttcp doctor --stack FrontTcp',
  'docs/deploy.md aws aws cloudformation deploy',
  'docs/deploy.md aws read -r -p',
  'docs/deploy.md aws export FRONTTCP_RELAY',
  'docs/deploy.md aws aws elasticache describe-replication-groups',
  'docs/deploy.md aws printf',
  // Some of it in every build: test/faults.
  'docs/guarantees.md slow npm run test:faults',
];

/** Pages whose blocks of a language have a test of their own. */
export const OWN_TESTS: Readonly<Record<string, string>> = {
  'docs/cli.md sh': 'test/cli/document.test.ts',
  'docs/start.md ts': 'test/docs/snippets.test.ts',
  'docs/client.md ts': 'test/client/node-versions.test.ts',
  'ops/README.md yaml': 'test/observe/page.test.ts',
};

/** What the examples of a page take for granted, as the page says. */
export const PRELUDES: Readonly<Record<string, string>> = {
  'docs/client.md': `declare const host: string, port: number, phoneNumber: string, token: string;
declare function logIn(): string;
declare function store(message: unknown): Promise<void>;
`,
};

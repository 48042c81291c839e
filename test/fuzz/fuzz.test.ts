import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTarget, type Target } from '../hostile/support/target.ts';
import { type HttpApi, startHttpApi } from '../kit/http-api.ts';
import { httpCorpus, keep, type Piece, tcpCorpus } from './support/corpus.ts';
import { mutateDialogue, mutateRequest, renderPiece } from './support/mutate.ts';
import { Random } from './support/random.ts';

/** `npm run fuzz -- --seconds N --seed S` sets these; without, a few seconds from a seed of its own. */
const seconds = Number(process.env.FUZZ_SECONDS ?? 4);
const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 1_000_000);
const TEST_MS = seconds * 1_000 + 240_000;
const PATIENCE_MS = 10_000;
const AT_ONCE = 8;

let target: Target;
let http: HttpApi;
beforeAll(async () => {
  target = await startTarget({
    env: {
      FRAME_TIMEOUT_MS: '2000',
      AUTH_TIMEOUT_MS: '2000',
      MAX_VERIFY_FAILURES_PER_USER: '0',
      MAX_VERIFY_FAILURES_PER_ADDRESS: '0',
    },
  });
  http = await startHttpApi();
  await http.addUser('fuzz');
});
afterAll(async () => {
  await http.stop();
  await target.stop();
});

/** Writes the chunks one by one and reads to the end; the other side has so long to answer or to end it. */
async function talk(port: number, chunks: readonly Buffer[]): Promise<Buffer> {
  const socket = connect(port, '127.0.0.1');
  const received: Buffer[] = [];
  socket.setNoDelay(true);
  socket.on('data', (chunk) => received.push(chunk));
  socket.on('error', () => socket.destroy());
  const ended = once(socket, 'close');
  const timer = setTimeout(() => socket.destroy(), PATIENCE_MS);
  for (const chunk of chunks) if (!socket.destroyed) socket.write(chunk);
  socket.end();
  await ended;
  clearTimeout(timer);
  return Buffer.concat(received);
}

/** Everything that is sent to a client is frames, whole ones, of known commands and JSON bodies. */
function checkFrames(bytes: Buffer): void {
  let at = 0;
  while (bytes.length - at >= 12) {
    const length = bytes.readUInt32BE(at);
    expect(length).toBeGreaterThanOrEqual(12);
    if (bytes.length - at < length) return;
    expect([101, 102, 103, 104, 105, 110, 111, 112]).toContain(bytes.readUInt32BE(at + 8));
    const text = bytes.toString('utf8', at + 12, at + length);
    if (text !== '') expect(typeof JSON.parse(text)).toBe('object');
    at += length;
  }
}

async function tryDialogue(pieces: readonly Piece[]): Promise<void> {
  const chunks = pieces.flatMap((piece) => {
    const bytes = renderPiece(piece);
    const cut = piece.kind === 'frame' ? (piece.cut ?? 0) : 0;
    return cut > 0 && cut < bytes.length ? [bytes.subarray(0, cut), bytes.subarray(cut)] : [bytes];
  });
  checkFrames(await talk(target.port, chunks));
  if (target.process.hasExited) throw new Error(`the gateway has ended:\n${target.process.output().slice(-4_000)}`);
}

async function tryRequest(text: string): Promise<void> {
  const answer = (await talk(http.api.port, [Buffer.from(text.replaceAll('$TOKEN', http.operator))])).toString();
  const statuses = [...answer.matchAll(/^HTTP\/1\.1 (\d{3})/gm)].map(([, status]) => Number(status));
  for (const status of statuses)
    if (status >= 500 && status !== 503) throw new Error(`answered ${status}: ${answer.slice(0, 500)}`);
  expect(answer).not.toMatch(/node_modules|ReplyError|\bat .*\.ts:\d/);
}

/** Runs the whole corpus, and then what is near it until the time is over. What breaks something is kept. */
async function fuzz<T>(
  kind: 'tcp' | 'http',
  corpus: readonly T[],
  vary: (random: Random) => T,
  attempt: (of: T) => Promise<void>,
  describe: (of: T) => object,
): Promise<number> {
  const guarded = async (one: T) => {
    try {
      await attempt(one);
    } catch (cause) {
      const name = keep(kind, describe(one), Date.now());
      throw new Error(`seed ${seed} found something, kept as test/fuzz/corpus/${name}`, { cause });
    }
  };
  for (const one of corpus) await guarded(one);
  const random = new Random(seed);
  const end = performance.now() + seconds * 500;
  let tried = corpus.length;
  while (performance.now() < end) {
    await Promise.all(Array.from({ length: AT_ONCE }, () => guarded(vary(random))));
    tried += AT_ONCE;
  }
  return tried;
}

test(
  `the TCP port stands what is near the corpus (seed ${seed}, ${seconds / 2} s)`,
  async () => {
    const corpus = tcpCorpus();
    await target.users('fuzz', 'other');
    await target.attack(async () => {
      const vary = (random: Random) => mutateDialogue(random.pick(corpus), random.pick(corpus), random);
      const tried = await fuzz('tcp', corpus, vary, tryDialogue, (pieces) => ({ pieces }));
      expect(tried).toBeGreaterThan(corpus.length);
      await target.redis.del(target.keys.mailbox('other'), target.keys.mailbox('fuzz'));
      console.log(`${tried} dialogues`);
    });
  },
  TEST_MS,
);

test(
  `the HTTP API stands what is near the corpus (seed ${seed}, ${seconds / 2} s)`,
  async () => {
    const corpus = httpCorpus();
    const vary = (random: Random) => mutateRequest(random.pick(corpus), random);
    const tried = await fuzz('http', corpus, vary, tryRequest, (request) => ({ request }));
    expect(tried).toBeGreaterThan(corpus.length);
    const { status } = await http.send({ command_id: 102, chat_to: 'fuzz', content: 'fresh' });
    expect(status).toBe(200);
    expect(http.logged.filter(({ reason }) => reason === 'internal')).toEqual([]);
    console.log(`${tried} requests`);
  },
  TEST_MS,
);

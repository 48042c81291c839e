import { connect, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { type ConformanceCase, NotApplicable } from '../../cli/support/conformance/case.ts';
import { frameOf } from '../../cli/support/conformance/device.ts';
import { ScriptedGateway } from '../../cli/support/conformance/gateway.ts';
import { casesWith, endings, runCases } from '../../cli/support/conformance/run.ts';

/** Devices that break one clause each: the server has to see it. That good devices pass is shown in test/examples. */
const gateways: ScriptedGateway[] = [];
const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const gateway of gateways.splice(0)) gateway.stop();
});

const VERIFY = { phone_number: 'me', token: 'any', features: ['ack', 'pong', 'goodbye'], max_frame_bytes: 4_096 };

async function problemOf(title: string, onConnect: (socket: Socket) => void): Promise<string | undefined> {
  const gateway = new ScriptedGateway();
  gateways.push(gateway);
  const port = await gateway.listen(0, '127.0.0.1');
  const socket = connect(port, '127.0.0.1', () => onConnect(socket));
  sockets.push(socket);
  socket.on('error', () => socket.destroy());
  const cases = casesWith('taken_over').filter((one) => one.title.includes(title));
  expect(cases).toHaveLength(1);
  for await (const { problem } of runCases(gateway, cases, { patienceMs: 200, returnMs: 1_000 })) return problem;
  return undefined;
}

const verify = (socket: Socket, change: object = {}) => socket.write(frameOf(1, { ...VERIFY, ...change }));

test.each([
  [
    'the first frame is a verify',
    'command 5000, which does not exist',
    (socket: Socket) => socket.write(frameOf(5_000)),
  ],
  [
    'the first frame is a verify',
    'a frame of length 3',
    (socket: Socket) => socket.write(Buffer.alloc(12, 0).fill(3, 3, 4)),
  ],
  [
    'the first frame is a verify',
    'expected a verify (command 1) first',
    (socket: Socket) => socket.write(frameOf(2, {})),
  ],
  ['the first frame is a verify', 'no text "token"', (socket: Socket) => verify(socket, { token: 7 })],
  [
    'the first frame is a verify',
    '"max_frame_bytes" of the verify is 12',
    (socket: Socket) => verify(socket, { max_frame_bytes: 12 }),
  ],
  ['content in UTF-8', 'an acknowledgement (command 6) of content in UTF-8', (socket: Socket) => verify(socket)],
  [
    'nothing is sent before the verdict',
    'it sent command 2',
    (socket: Socket) => {
      verify(socket);
      socket.write(frameOf(2, { chat_to: 'x', chat_content: 'early' }));
    },
  ],
  ['a heartbeat at least every third', '3 heartbeats', (socket: Socket) => verify(socket)],
  ['a header of length 11', 'expected it to close', (socket: Socket) => verify(socket)],
])('%s: a device that breaks the rule gets this finding (%s)', async (title, words, onConnect) => {
  expect(await problemOf(title, onConnect)).toContain(words);
});

test('an id that was read as a number has a finding of its own', async () => {
  const problem = await problemOf('2^53 + 1', (socket) => {
    verify(socket);
    socket.on('data', () => socket.write(frameOf(6, { ids: [String(Number('9007199254740993'))] })));
  });
  expect(problem).toContain('the id to its last digit');
});

test('an id that is sent as a number has a finding of its own', async () => {
  const problem = await problemOf('content in UTF-8', (socket) => {
    verify(socket);
    socket.on('data', () => socket.write(frameOf(6, { ids: [1] })));
  });
  expect(problem).toBeDefined();
});

test('heartbeats that are late once, as on a machine under load, are no finding', async () => {
  const gateway = new ScriptedGateway();
  gateways.push(gateway);
  const port = await gateway.listen(0, '127.0.0.1');
  let connections = 0;
  const run = () => {
    const socket = connect(port, '127.0.0.1', () => verify(socket));
    sockets.push(socket);
    socket.resume();
    connections += 1;
    const beats = connections === 1 ? undefined : setInterval(() => socket.write(frameOf(5)), 100);
    socket
      .on('error', () => socket.destroy())
      .on('close', () => {
        clearInterval(beats);
        if (connections < 5) run();
      });
  };
  run();
  const cases = casesWith('taken_over').filter(({ title }) => title.includes('a heartbeat at least every third'));
  const results = [];
  for await (const result of runCases(gateway, cases, { patienceMs: 200, returnMs: 10_000 })) results.push(result);
  expect(results).toMatchObject([{ result: 'passed' }]);
  expect(connections).toBe(2);
  connections = 5;
});

test('there are at least sixty cases, each with its own title', () => {
  for (const ending of endings) {
    const titles = casesWith(ending).map(({ title }) => title);
    expect(titles.length).toBeGreaterThanOrEqual(60);
    expect(new Set(titles).size).toBe(titles.length);
  }
});

test('a case that does not apply to a device is neither passed nor failed', async () => {
  const gateway = new ScriptedGateway();
  const cases: ConformanceCase[] = [
    { title: 'x', clause: 'Timing', run: () => Promise.reject(new NotApplicable('it replies to nothing')) },
  ];
  for await (const result of runCases(gateway, cases, { patienceMs: 1, returnMs: 1 })) {
    expect(result).toMatchObject({ result: 'not_applicable', problem: 'it replies to nothing' });
  }
});

import { Command, Option } from 'commander';
import { ScriptedGateway } from '../support/conformance/gateway.ts';
import { type CaseResult, casesWith, endings, runCases } from '../support/conformance/run.ts';
import { contextOf } from '../support/context.ts';
import { ExitCode, Failure } from '../support/failure.ts';
import { onInterrupt } from '../support/interrupt.ts';
import { wholeNumber } from '../support/numbers.ts';
import { printable, styled } from '../support/output.ts';

interface ConformanceOptions {
  listen: number;
  host: string;
  ending: string;
  patience: number;
}

/** Time for a person to switch on the device. */
const FIRST_CONNECTION_MS = 10 * 60_000;
/** The longest pause between consecutive attempts is 30 s (docs/protocol.md, Timing). */
const RETURN_MS = 45_000;

export function conformanceCommand(): Command {
  return new Command('conformance')
    .description('play the gateway for a device, and print what it does wrong, clause by clause')
    .option('--listen <port>', 'where the device connects; 0: a free port', wholeNumber(0, 65_535), 8_124)
    .option('--host <address>', 'of this machine; 0.0.0.0 for a device on the network', '127.0.0.1')
    .addOption(
      new Option('--ending <how>', 'what the last case does; the device does not come back from it')
        .choices(endings)
        .default('taken_over'),
    )
    .option('--patience <seconds>', 'how long to wait for a reply of the device', wholeNumber(1, 60), 5)
    .addHelpText(
      'after',
      `
Any token is accepted: point the device at this address and switch it on. It gets everything that gateways may send, split as
networks split it, and must follow docs/protocol.md. Acknowledgements show what a device has handled: of a device that does not
ask for the feature "ack", only the connection is checked. The clauses are the headings of docs/protocol.md.

Exit code 0: the device follows every clause that applies to it; 1: it does not.

Examples:
  $ fronttcp conformance --listen 8124 --host 0.0.0.0
  $ fronttcp conformance --listen 8124 --json > report.jsonl
  $ fronttcp conformance --ending refused`,
    )
    .action(async (options: ConformanceOptions, command: Command) => {
      const { output } = await contextOf(command);
      const gateway = new ScriptedGateway();
      const port = await gateway.listen(options.listen, options.host).catch((error: Error) => {
        throw new Failure(
          ExitCode.usage,
          `cannot listen on port ${options.listen}: ${error.message}`,
          'Name another: --listen.',
        );
      });
      // The results so far are on the screen.
      onInterrupt().addEventListener('abort', () => {
        gateway.stop();
        process.exit(ExitCode.interrupted);
      });
      output.note(`Waiting for the device on ${options.host}:${port}. Ctrl-C ends.`);
      const counts = { passed: 0, failed: 0, not_applicable: 0 };
      try {
        const first = { patienceMs: options.patience * 1_000, returnMs: FIRST_CONNECTION_MS };
        const later = { ...first, returnMs: RETURN_MS };
        for await (const result of both(gateway, casesWith(options.ending), first, later)) {
          counts[result.result] += 1;
          output.line(result, textOf(result));
        }
      } finally {
        gateway.stop();
      }
      const sum = `${counts.passed} passed, ${counts.failed} failed, ${counts.not_applicable} not applicable`;
      output.line({ type: 'summary', ...counts }, sum);
      if (counts.failed > 0) throw new Failure(ExitCode.failed, `the device broke ${counts.failed} clauses`);
    });
}

/** The device has more time for its first connection than for later ones. */
async function* both(
  gateway: ScriptedGateway,
  [opening, ...others]: ReturnType<typeof casesWith>,
  first: { patienceMs: number; returnMs: number },
  later: { patienceMs: number; returnMs: number },
): AsyncGenerator<CaseResult> {
  if (opening !== undefined) yield* runCases(gateway, [opening], first);
  if (gateway.verify === undefined) {
    throw new Failure(
      ExitCode.unreachable,
      'no device has connected and verified',
      'Point it at this address and port.',
    );
  }
  for await (const result of runCases(gateway, others, later)) yield { ...result, number: result.number + 1 };
}

function textOf({ number, clause, title, result, problem }: CaseResult): string {
  const mark = { passed: styled('green', '✓'), failed: styled('red', '✗'), not_applicable: styled('dim', '-') }[result];
  const line = `${mark} ${String(number).padStart(2)}  ${title}`;
  if (result === 'passed') return line;
  const reason = problem === undefined ? [] : [`      ${printable(problem)}`];
  return [line, ...reason, ...(result === 'failed' ? [`      → docs/protocol.md, "${clause}"`] : [])].join('\n');
}

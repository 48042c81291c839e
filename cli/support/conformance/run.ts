import { bodyCases } from './bodies.ts';
import { type ConformanceCase, NotApplicable, type Stage } from './case.ts';
import { type Device, Violation } from './device.ts';
import { endingCases, lastCases } from './endings.ts';
import { framingCases } from './framing.ts';
import type { ScriptedGateway } from './gateway.ts';
import { heartbeatCases } from './heartbeats.ts';
import { messageCases } from './messages.ts';
import { verifyCases } from './verify.ts';

export interface CaseResult {
  /** From 1 on, in the order of the run. */
  readonly number: number;
  readonly clause: string;
  readonly title: string;
  readonly result: 'passed' | 'failed' | 'not_applicable';
  /** The action of the device, and the expected one. */
  readonly problem?: string;
}

export const endings = Object.keys(lastCases);

/** All cases, with one of the cases that end the device for good. */
export function casesWith(ending: string): readonly ConformanceCase[] {
  const last = lastCases[ending];
  return [
    ...verifyCases,
    ...messageCases,
    ...heartbeatCases,
    ...endingCases,
    ...framingCases,
    ...bodyCases,
    ...(last ? [last] : []),
  ];
}

/** Runs the cases against the device that connects, one after the other. A failed case does not end the run. */
export async function* runCases(
  gateway: ScriptedGateway,
  cases: readonly ConformanceCase[],
  options: { patienceMs: number; returnMs: number },
): AsyncGenerator<CaseResult> {
  const stage = stageOf(gateway, options);
  for (const [at, { title, clause, needs = [], run }] of cases.entries()) {
    const about = { number: at + 1, clause, title };
    const missing = needs.find((feature) => gateway.verify !== undefined && !gateway.has(feature));
    if (missing !== undefined) {
      yield { ...about, result: 'not_applicable', problem: `it did not ask for the feature "${missing}"` };
      continue;
    }
    try {
      await run(stage);
      const violation = gateway.current?.takeViolation();
      if (violation) throw violation;
      yield { ...about, result: 'passed' };
    } catch (error) {
      if (error instanceof NotApplicable) yield { ...about, result: 'not_applicable', problem: error.message };
      else if (error instanceof Violation) yield { ...about, result: 'failed', problem: error.message };
      else throw error;
      // Leftovers of a failed case must not affect the next one.
      if (error instanceof Violation) await gateway.dismiss();
    }
  }
}

function stageOf(gateway: ScriptedGateway, options: { patienceMs: number; returnMs: number }): Stage {
  const { returnMs } = options;
  const fresh = async (verdict?: Record<string, unknown>): Promise<Device> => {
    await gateway.dismiss();
    return gateway.admit(returnMs, verdict);
  };
  return {
    ...options,
    gateway,
    fresh,
    verified: async () => (gateway.current?.isClosed === false ? gateway.current : fresh()),
    unverified: async () => {
      await gateway.dismiss();
      return gateway.accept(returnMs);
    },
  };
}

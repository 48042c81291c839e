import type { Plan } from '../plan.ts';
import type { RunningServer, Server, StartOptions } from '../servers/server.ts';
import { type Figures, load } from '../support/loadgen.ts';
import type { Contestant, Measured } from './scenario.ts';

interface Work {
  /** The generator's arguments, besides where the server is. */
  readonly args: (plan: Plan, server: RunningServer) => readonly string[];
  readonly read: (figures: Figures) => Measured;
  /** Only our own gateway reads it. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A contestant for each server: started fresh, given the work, stopped. */
export function onEach(servers: readonly Server[], work: Work): Contestant[] {
  return servers.map((server) => ({ name: server.name, measure: (plan) => measure(server, plan, work) }));
}

async function measure(server: Server, plan: Plan, { args, read, env }: Work): Promise<Measured> {
  const options: StartOptions = env === undefined ? {} : { env };
  const running = await server.start(plan, options);
  try {
    return read(await loadOn(plan, server, running, args(plan, running)));
  } finally {
    await running.stop();
  }
}

/** Runs the generator against a server that is there. */
export function loadOn(
  plan: Plan,
  server: Pick<Server, 'protocol'>,
  running: Pick<RunningServer, 'port' | 'pids' | 'helpers'>,
  args: readonly string[],
): Promise<Figures> {
  const target = ['-p', server.protocol, '-P', `${running.port}`, '-i', running.pids.join(',')];
  const helpers = running.helpers ? ['-o', running.helpers.join(',')] : [];
  const times = ['-d', `${plan.seconds}`, '-W', `${plan.warmupSeconds}`];
  return load([...target, ...helpers, ...times, ...args], { cpus: plan.loadCpus, niceness: plan.niceness });
}

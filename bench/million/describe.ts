import { format } from '../report/table.ts';
import type { MillionResult } from './result.ts';

const KIB = 1_024;

/** The result as Markdown. */
export function describe(result: MillionResult): string {
  const { memory, idleCpu, broadcast, singles, verified, machine } = result;
  const each = (mib: number): string => `${format((mib * KIB) / verified)} KiB`;
  const used = memory.availableBeforeMiB - memory.availableHeldMiB;
  const reasons = Object.entries(result.closed ?? {}).map(([reason, n]) => `${reason} ${n.toLocaleString('en-US')}`);
  const rows: [string, string][] = [
    ['clients connected and verified', `**${verified.toLocaleString('en-US')}** on ${result.gateways} gateways`],
    ['of these got the broadcast at the end', result.answered.toLocaleString('en-US')],
    ['connections lost meanwhile', [result.dropped.toLocaleString('en-US'), ...reasons].join(', ')],
    ['leases that gateways lost meanwhile', result.leasesLost?.toLocaleString('en-US') ?? 'not counted'],
    ['why no more', result.bound],
    ['connecting took', `${format(result.connectSeconds)} s`],
    ['memory of the machine, clients and Redis included', `${format(used / KIB)} GiB, ${each(used)} per client`],
    ['left', `${format(memory.availableHeldMiB / KIB)} GiB`],
    ['gateways', `${format(memory.gatewaysMiB / KIB)} GiB, ${each(memory.gatewaysMiB)} per client`],
    ['kernel slabs, both ends', `${format(memory.kernelSlabMiB / KIB)} GiB, ${each(memory.kernelSlabMiB)} per client`],
    ['Redis', `${format(memory.redisMiB / KIB)} GiB, ${each(memory.redisMiB)} per client`],
    ['generators', `${format(memory.generatorsMiB / KIB)} GiB`],
    [
      `CPU while they stay, a heartbeat every ${result.heartbeatSeconds} s`,
      `gateways ${format(idleCpu.gateways)} %, Redis ${format(idleCpu.redis)} %, generators ${format(idleCpu.generators)} % of one CPU`,
    ],
    [
      'broadcast to all',
      `p50 ${format(broadcast.p50Ms)} ms, p99 ${format(broadcast.p99Ms)} ms, last ${format(broadcast.maxMs)} ms`,
    ],
    [
      'single messages, 1,000 a second',
      `${singles.delivered.toLocaleString('en-US')} of ${singles.sent.toLocaleString('en-US')}, p50 ${format(singles.p50Ms)} ms, p99 ${format(singles.p99Ms)} ms`,
    ],
  ];
  const where = `Commit ${result.commit}${result.hasLocalChanges ? ' with local changes' : ''}, ${result.startedAt.slice(0, 10)}, Node ${result.node}, ${machine.cpus} × ${machine.cpu}, ${machine.memoryGiB} GiB, Linux ${machine.kernel}.`;
  return [where, '', '| | |', '| --- | --- |', ...rows.map(([name, value]) => `| ${name} | ${value} |`)].join('\n');
}

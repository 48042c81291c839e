import type { MoveResult } from './storm.ts';

/** Linear work makes a wave of four times the clients cost four times the CPU; work that grows with their square, sixteen. */
const MAX_GROWTH = 1.5;

/** What is wrong with waves of moves of growing size. */
export function checkMoves(waves: readonly MoveResult[]): string[] {
  const wrong: string[] = [];
  for (const { clients, received, repeated, leaseLosses } of waves) {
    if (received !== clients) wrong.push(`${clients} clients: ${clients - received} messages were lost`);
    if (repeated > 0) wrong.push(`${clients} clients: ${repeated} messages came twice`);
    if (leaseLosses > 0) wrong.push(`${clients} clients: a gateway lost its lease`);
  }
  const [small, large] = [waves[0], waves.at(-1)];
  if (small === undefined || large === undefined) return ['there were no waves'];
  const growth = large.leftCpuSeconds / large.clients / (small.leftCpuSeconds / small.clients);
  if (growth > MAX_GROWTH) {
    const cpu = waves.map(({ clients, leftCpuSeconds }) => `${clients} clients: ${leftCpuSeconds.toFixed(2)} s`);
    wrong.push(`CPU per client grew ${growth.toFixed(1)} times: ${cpu.join(', ')}`);
  }
  return wrong;
}

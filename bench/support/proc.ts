import { readFile } from 'node:fs/promises';

/** Clock ticks of /proc are 1/100 s on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** A field of /proc/meminfo, MiB. */
export async function memoryMiB(field: 'MemAvailable' | 'Slab'): Promise<number> {
  const line = new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(await readFile('/proc/meminfo', 'utf8'));
  return Number(line?.[1] ?? 0) / 1_024;
}

/** Memory of the processes with shared pages counted once (Pss), MiB; one that is gone counts nothing. */
export async function pssMiB(pids: readonly number[]): Promise<number> {
  const sizes = await Promise.all(
    pids.map(async (pid) => {
      const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '');
      return Number(/^Pss:\s+(\d+)/m.exec(text)?.[1] ?? 0);
    }),
  );
  return sizes.reduce((sum, size) => sum + size, 0) / 1_024;
}

/** CPU time that the processes have used, s. */
export async function cpuSeconds(pids: readonly number[]): Promise<number> {
  const times = await Promise.all(
    pids.map(async (pid) => {
      const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
      // utime and stime are the 14th and 15th; the name, the 2nd, may have blanks.
      const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
      return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / TICKS_PER_SECOND;
    }),
  );
  return times.reduce((sum, time) => sum + time, 0);
}

/** CPU time so far, s: of a server's processes, and of all that neither they nor their helpers are. */
export async function cpuShares(
  pids: readonly number[],
  helpers: readonly number[],
): Promise<{ server: number; others: number }> {
  const [server, helping, busy] = await Promise.all([cpuSeconds(pids), cpuSeconds(helpers), busySeconds()]);
  return { server, others: busy - server - helping };
}

/** CPU time that the whole machine has used for anything, s. */
async function busySeconds(): Promise<number> {
  const line = /^cpu +(.*)$/m.exec(await readFile('/proc/stat', 'utf8'))?.[1] ?? '';
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = line.split(' ').map(Number);
  return (user + nice + system + irq + softirq) / TICKS_PER_SECOND;
}

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { origin } from '../report/results.ts';

const held = z.object({
  asked: z.int(),
  heartbeatSeconds: z.number().default(60),
  gateways: z.int(),
  /** Connected and verified when the last of them had come. */
  verified: z.int(),
  /** Got the broadcast that was sent to all of them at the end. */
  answered: z.int(),
  /** Lost between the one and the other. */
  dropped: z.int(),
  /** By gateways that were not given a CPU in time; not counted in results of before. */
  leasesLost: z.int().optional(),
  /** By gateways, by reason; not counted in results of before. */
  closed: z.record(z.string(), z.int()).optional(),
  /** Why no more were connected. */
  bound: z.string(),
  connectSeconds: z.number(),
  /** Clients and seconds since the start, now and then. */
  progress: z.array(z.object({ clients: z.int(), seconds: z.number(), availableMiB: z.number() })),
  memory: z.object({
    availableBeforeMiB: z.number(),
    availableHeldMiB: z.number(),
    gatewaysMiB: z.number(),
    generatorsMiB: z.number(),
    redisMiB: z.number(),
    kernelSlabMiB: z.number(),
  }),
  /** While they only stayed: % of a CPU. */
  idleCpu: z.object({ gateways: z.number(), generators: z.number(), redis: z.number(), seconds: z.number() }),
  broadcast: z.object({ p50Ms: z.number(), p99Ms: z.number(), maxMs: z.number() }),
  singles: z.object({ sent: z.int(), delivered: z.int(), p50Ms: z.number(), p99Ms: z.number() }),
});

const million = held.extend(origin.shape);

export type Held = z.infer<typeof held>;
export type MillionResult = z.infer<typeof million>;

export async function writeMillion(path: string, result: MillionResult): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `${JSON.stringify(result, undefined, 1)}\n`);
}

/** Throws what is wrong with it, when it is not a result of these benchmarks. */
export async function readMillion(path: string): Promise<MillionResult> {
  return million.parse(JSON.parse(await readFile(path, 'utf8')));
}

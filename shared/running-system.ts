import { z } from 'zod';

/**
 * The note that `npm start` and `fronttcp dev` keep while they run, below the folder they were started in: commands
 * that run in the same folder find them without a flag. The URL of Redis may hold a password: only its owner reads the file.
 */
export const RUNNING_SYSTEM_FILE = '.fronttcp/running.json';

export const runningSystemSchema = z.object({
  pid: z.int().positive(),
  api: z.url(),
  gateways: z.array(z.object({ host: z.string(), port: z.int(), tls: z.boolean().default(false) })).min(1),
  redis: z.object({ url: z.string(), keyPrefix: z.string(), isCluster: z.boolean() }),
});
export type RunningSystem = z.infer<typeof runningSystemSchema>;

/**
 * How Node is started for a gateway; the package's scripts and the image say the same.
 *
 * A small young generation: most of what a gateway makes is gone after one turn, and the default (up to 3 × 16 MiB) would
 * be a third of its memory at 15,000 idle connections, cold in the cache, and pause longer when it is swept.
 */
export const NODE_FLAGS = ['--max-semi-space-size=4'];

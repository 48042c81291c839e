/**
 * How Node is started for a gateway; the package's scripts, the unit for systemd and the image say the same.
 *
 * A small young generation: most of what a gateway makes is gone after one turn, and the default (up to 3 × 16 MiB) would
 * be a third of its memory at 15,000 idle connections, cold in the cache, and pause longer when it is swept.
 *
 * A heap that has grown by half is collected. Of itself V8 lets a small one grow up to fourfold first, and what a storm of
 * connects has left behind stays for as long as its clients are silent.
 */
export const NODE_FLAGS = ['--max-semi-space-size=4', '--heap-growing-percent=50'];

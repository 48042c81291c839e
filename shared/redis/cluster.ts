import type { Cluster, Redis } from 'ioredis';

/**
 * A cluster node that has never met another node does not know its own address, and returns an
 * empty one in CLUSTER SLOTS: it means the node that was asked. ioredis skips such a node, and then has none.
 */
export function nameNodes(reply: unknown, host: string): unknown {
  if (!Array.isArray(reply)) return reply;
  if (reply[0] === '' && typeof reply[1] === 'number') return [host, ...reply.slice(1)];
  return reply.map((item) => nameNodes(item, host));
}

/**
 * Calls `onLost` when the connection to a primary ends, or when it is a primary no longer. The cluster itself emits `close` only when no
 * node is left, and a replica that nobody has asked anything never leaves.
 */
export function watchPrimaries(cluster: Cluster, onLost: () => void): void {
  let primaries = new Set<Redis>();
  // After each look at the slots: in time, and when a command was sent to the wrong node.
  cluster.on('refresh', () => {
    const current = new Set(cluster.nodes('master'));
    const isLost = [...primaries].some((node) => !current.has(node));
    primaries = current;
    if (isLost) onLost();
  });
  cluster.on('-node', (node: Redis) => {
    if (primaries.delete(node)) onLost();
  });
}

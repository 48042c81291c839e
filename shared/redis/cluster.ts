/**
 * A cluster node that has never met another node does not know its own address, and returns an
 * empty one in CLUSTER SLOTS: it means the node that was asked. ioredis skips such a node, and then has none.
 */
export function nameNodes(reply: unknown, host: string): unknown {
  if (!Array.isArray(reply)) return reply;
  if (reply[0] === '' && typeof reply[1] === 'number') return [host, ...reply.slice(1)];
  return reply.map((item) => nameNodes(item, host));
}

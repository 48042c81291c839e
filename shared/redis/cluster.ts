/**
 * A node of a cluster that has never met another does not know its own address, and says so in CLUSTER SLOTS with an
 * empty one: it is the one that was asked. ioredis leaves such a node out, and is then without any.
 */
export function nameNodes(reply: unknown, host: string): unknown {
  if (!Array.isArray(reply)) return reply;
  if (reply[0] === '' && typeof reply[1] === 'number') return [host, ...reply.slice(1)];
  return reply.map((item) => nameNodes(item, host));
}

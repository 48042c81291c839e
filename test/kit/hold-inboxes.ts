import type { Redis } from 'ioredis';

/** No gateway of this server gets anything out of its inbox: those that wait for it are woken, and refused when they ask again. */
export async function holdInboxes(admin: Redis): Promise<void> {
  await admin.call('ACL', 'SETUSER', 'default', '-xread');
  const clients = String(await admin.call('CLIENT', 'LIST')).split('\n');
  const waiting = clients.filter((line) => line.includes(' cmd=xread ') && / flags=\w*b/.test(line));
  for (const line of waiting) await admin.call('CLIENT', 'UNBLOCK', /id=(\d+)/.exec(line)?.[1] ?? '');
}

export async function releaseInboxes(admin: Redis): Promise<void> {
  await admin.call('ACL', 'SETUSER', 'default', '+xread');
}

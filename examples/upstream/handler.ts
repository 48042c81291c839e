// An upstream function: what devices send, and what becomes of their sessions. Copy it, and begin with your own ids.
//
//   npm start -- --upstream examples/upstream/handler.ts
//   npx fronttcp login device-1 && npx fronttcp connect
//   > /cmd 1500 {"sensor": "hall"}
import { chat, createHandler, push, reply, typed } from '../../sdk/upstream/index.ts';

interface Reading {
  sensor: string;
  celsius: number;
}

/** A schema library's `parse` does as well; what it throws makes Lambda try again, and then keep the batch as failed. */
function parseReading(body: unknown): Reading {
  const { sensor, celsius } = (body ?? {}) as Partial<Reading>;
  if (typeof sensor !== 'string' || typeof celsius !== 'number') throw new TypeError('not a reading');
  return { sensor, celsius };
}

function parseQuestion(body: unknown): { sensor: string } {
  const { sensor } = (body ?? {}) as { sensor?: unknown };
  if (typeof sensor !== 'string') throw new TypeError('which sensor?');
  return { sensor };
}

/** In place of a table, where the key would be the user and the sensor. */
const latest = new Map<string, Reading & { epoch: number; seq: number }>();

export const handler = createHandler({
  items: {
    // At least once, and two batches may run side by side: what is older than what is there is passed over.
    1000: typed(parseReading, ({ user, epoch, seq, body }) => {
      const key = `${user}/${body.sensor}`;
      const known = latest.get(key);
      if (known && (known.epoch > epoch || (known.epoch === epoch && known.seq >= seq))) return;
      latest.set(key, { ...body, epoch, seq });
    }),
  },
  requests: {
    1500: typed(parseQuestion, ({ user, body }) => {
      const reading = latest.get(`${user}/${body.sensor}`);
      return reply({ sensor: body.sensor, celsius: reading?.celsius ?? null });
    }),
    // Replies to the device and notifies others. Those who are offline get the message when they reconnect.
    1501: ({ user }) =>
      reply({ raised: true }).send(push(2100, 'operator', { alarm: user }), chat(user, 'We are on it.')),
  },
  lifecycle: {
    connected: ({ user, epoch }) => console.log(`${user} came (session ${epoch})`),
    disconnected: ({ user, epoch, reason }) => console.log(`${user} left (session ${epoch}): ${reason}`),
    lost: ({ user, epoch }) => console.log(`${user} was lost with its gateway (session ${epoch})`),
  },
});

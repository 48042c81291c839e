import { mosquitto, nats, redisPubSub, twisted } from './brokers.ts';
import { centrifugo } from './centrifugo.ts';
import { floor } from './floor.ts';
import { besideFronttcp, fronttcp, nativeFronttcp } from './fronttcp.ts';
import { aedes, socketIo, ws } from './node-peers.ts';
import { prototype } from './prototype.ts';
import type { Server } from './server.ts';

/** In the order of the tables. */
export const servers: readonly Server[] = [
  floor,
  fronttcp,
  nativeFronttcp,
  besideFronttcp,
  prototype,
  redisPubSub,
  nats,
  mosquitto,
  centrifugo,
  ws,
  aedes,
  socketIo,
  twisted,
];

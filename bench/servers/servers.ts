import { floor } from './floor.ts';
import { fronttcp } from './fronttcp.ts';
import type { Server } from './server.ts';

/** In the order of the tables. */
export const servers: readonly Server[] = [floor, fronttcp];

import { asks } from './asks.ts';
import { connections } from './connections.ts';
import { functions } from './functions.ts';
import { http } from './http.ts';
import { messages } from './messages.ts';
import { observe } from './observe.ts';
import { queue } from './queue.ts';
import { routing } from './routing.ts';
import { scale } from './scale.ts';
import type { ScenarioFile } from './scenario.ts';
import { underLoad } from './under-load.ts';
import { upstream } from './upstream.ts';

/** In the order of the document. */
export const scenarioFiles: readonly ScenarioFile[] = [
  messages,
  queue,
  http,
  asks,
  functions,
  upstream,
  connections,
  underLoad,
  scale,
  routing,
  observe,
];

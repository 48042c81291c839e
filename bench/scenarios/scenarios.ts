import { messages } from './messages.ts';
import type { ScenarioFile } from './scenario.ts';

/** In the order of the document. */
export const scenarioFiles: readonly ScenarioFile[] = [messages];

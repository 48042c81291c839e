import { resolve } from 'node:path';

/** Copies of programs belong to the folder that the system is started in, like its data. `bin` in it is fit for PATH. */
export const copiesDir = (): string => resolve('.fronttcp/programs');

import { resolve } from 'node:path';

/** Copies of programs are in the folder in which the system is started, like its data. Its `bin` can be added to PATH. */
export const copiesDir = (): string => resolve('.fronttcp/programs');

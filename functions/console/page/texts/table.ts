import type { en } from './en.ts';

export type TextKey = keyof typeof en;
/** Every language says everything. */
export type TextTable = Readonly<Record<TextKey, string>>;

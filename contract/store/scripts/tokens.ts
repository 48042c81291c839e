import { readLua } from './library.ts';

/** The tokens of a user. */
export const TOKENS_LUA = readLua(new URL('./tokens-library.lua', import.meta.url));

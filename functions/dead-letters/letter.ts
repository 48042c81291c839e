import { readLua } from '../../contract/store/scripts/library.ts';

/** The rules are in letter-library.lua. */
export const LETTER_LUA = readLua(new URL('./letter-library.lua', import.meta.url));
